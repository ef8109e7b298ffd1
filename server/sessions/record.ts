import { isAbsolute, join, normalize } from 'node:path';
import { Failure, messageOf } from '../base/errors.ts';
import { readUntrusted, writeFileAtomic } from '../base/files.ts';
import { plainLine } from '../base/plain.ts';
import type { IncusPlace, SessionRecord } from './types.ts';

export const RECORD = 'metadata.json';
/** coi writes a record anew with its own keys alone, so what only we note lies beside it as well. */
export const OWN_RECORD = 'incus-agents.json';

/** Larger records are damaged; coi's have some 300 bytes. */
const LIMIT = 256 * 1024;
const MAX_TITLE = 80;

/** What a session's directory may be called: coi gives UUIDs, and nothing else can leave the agent's directory. */
export const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
export const AGENT_NAME = /^[a-z0-9][a-z0-9._-]{0,39}$/;

type Json = Record<string, unknown>;

/** The record's text as it is in the file, with keys of other programs. */
export interface StoredRecord {
  record: SessionRecord;
  raw: Json;
}

/** A session's title made fit for a label. */
export function titleOf(text: string): string {
  return plainLine(text, MAX_TITLE);
}

/**
 * Reads `dir/metadata.json`, and what coi has left out of it from our own file beside it; undefined when there is none. Fails with
 * `invalid` when it is damaged.
 */
export async function readRecord(dir: string, agent: string, id: string): Promise<StoredRecord | undefined> {
  const path = join(dir, RECORD);
  const data = await readUntrusted(path, LIMIT);
  if (data === undefined) return undefined;
  let raw: unknown;
  try {
    raw = JSON.parse(data.toString('utf8'));
  } catch (error) {
    throw damaged(path, messageOf(error));
  }
  if (!isObject(raw)) throw damaged(path, 'it is no JSON object');
  // Every record of ours says the agent, and the path unless only coi has held the session.
  const own = raw.agent === undefined || raw.path === undefined ? await readOwn(dir) : {};
  return { record: parseRecord({ ...own, ...raw }, insidePath(own.held_at), agent, id, path), raw };
}

/** What our own file has; nothing where it is damaged, since all of it can be done without. */
async function readOwn(dir: string): Promise<Json> {
  try {
    const raw: unknown = JSON.parse((await readUntrusted(join(dir, OWN_RECORD), LIMIT))?.toString('utf8') ?? '{}');
    return isObject(raw) ? raw : {};
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Failure) return {};
    throw error;
  }
}

/** Writes a session's files; keys of the record's file that we do not know stay as they are in `raw`. */
export async function writeRecord(dir: string, record: SessionRecord, raw: Readonly<Json>): Promise<void> {
  // Ours first: of a crash in between it is not read, since the record still says all that it says.
  await writeOwn(dir, record);
  await writeFileAtomic(join(dir, RECORD), recordText(record, raw));
}

/**
 * Writes our own file, if it says something else. Not in it are the container, which coi notes itself, the conversation that the agent
 * said it holds, since coi may have gone on with another one, and when something last happened, which its files say.
 */
async function writeOwn(dir: string, record: SessionRecord): Promise<void> {
  const { title, titled, startedAt, agentSessionId, pathUnsaid, path } = record;
  const known: Json = {
    held_at: pathUnsaid ? record.heldAt : path,
    title,
    titled,
    started_at: startedAt,
    agent_session_id: agentSessionId,
  };
  const text = `${JSON.stringify(known, null, 2)}\n`;
  const file = join(dir, OWN_RECORD);
  const before = await readUntrusted(file, LIMIT).catch(() => undefined); // What it is not is written anew.
  if (before?.toString('utf8') !== text) await writeFileAtomic(file, text);
}

/** The file's text for a record; keys that we do not know stay as they were. */
function recordText(record: SessionRecord, raw: Readonly<Json>): string {
  const known: Json = {
    session_id: record.id,
    container_name: record.container ?? '',
    persistent: record.persistent,
    profile_name: record.profile ?? '',
    workspace: record.workspace,
    saved_at: record.savedAt,
    agent: record.agent,
    path: record.pathUnsaid ? undefined : record.path,
    slot: record.slot,
    incus_socket: record.incus?.socketPath,
    incus_project: record.incus?.project,
    title: record.title,
    titled: record.titled,
    started_at: record.startedAt,
    last_activity_at: record.lastActivityAt,
    agent_session_id: record.agentSessionId,
    conversation: record.conversation,
  };
  return `${JSON.stringify({ ...raw, ...known }, null, 2)}\n`;
}

function parseRecord(raw: Json, held: string | undefined, agent: string, id: string, path: string): SessionRecord {
  const { workspace } = raw;
  if (typeof workspace !== 'string' || !isAbsolute(workspace) || workspace.includes('\0'))
    throw damaged(path, 'it names no workspace');
  if (raw.session_id !== undefined && raw.session_id !== id)
    throw damaged(path, `it is of another session than its directory says`);
  const savedAt = timeOf(raw.saved_at);
  if (savedAt === undefined) throw damaged(path, 'it does not say when it was saved');
  const inside = insidePath(raw.path);
  return {
    id,
    agent,
    workspace: normalize(workspace),
    ...(inside === undefined ? unsaidPath(held) : { path: inside }),
    persistent: raw.persistent === true,
    savedAt,
    startedAt: timeOf(raw.started_at) ?? savedAt,
    ...optional(raw),
  };
}

/** coi does not note it; it mounts at /workspace unless told otherwise. */
function unsaidPath(held: string | undefined): Pick<SessionRecord, 'path' | 'pathUnsaid' | 'heldAt'> {
  return { path: held ?? '/workspace', pathUnsaid: true, ...(held === undefined ? {} : { heldAt: held }) };
}

function insidePath(value: unknown): string | undefined {
  const inside = line(value, 4096);
  return inside !== undefined && isAbsolute(inside) ? normalize(inside) : undefined;
}

function optional(raw: Json): Partial<SessionRecord> {
  const container = line(raw.container_name, 63);
  const profile = line(raw.profile_name, 128);
  const title = line(raw.title, MAX_TITLE);
  const incus = placeOf(raw);
  const lastActivityAt = timeOf(raw.last_activity_at);
  const agentSessionId = line(raw.agent_session_id, 128);
  const conversation = line(raw.conversation, 128);
  const slot = typeof raw.slot === 'number' ? raw.slot : Number(/-(\d{1,2})$/.exec(container ?? '')?.[1]);
  return {
    ...(container === undefined ? {} : { container }),
    ...(Number.isInteger(slot) && slot > 0 ? { slot } : {}),
    ...(incus === undefined ? {} : { incus }),
    ...(profile === undefined ? {} : { profile }),
    ...(title === undefined ? {} : { title }),
    ...(raw.titled === true ? { titled: true } : {}),
    ...(lastActivityAt === undefined ? {} : { lastActivityAt }),
    ...(agentSessionId !== undefined && SESSION_ID.test(agentSessionId) ? { agentSessionId } : {}),
    ...(conversation !== undefined && SESSION_ID.test(conversation) ? { conversation } : {}),
  };
}

function placeOf(raw: Json): IncusPlace | undefined {
  const socketPath = line(raw.incus_socket, 4096);
  const project = line(raw.incus_project, 64);
  return socketPath === undefined || !isAbsolute(socketPath) || project === undefined
    ? undefined
    : { socketPath, project };
}

function line(value: unknown, max: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  return plainLine(value, max) || undefined;
}

function timeOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 64) return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(path: string, why: string): Failure {
  return new Failure('invalid', `The session's record ${path} is damaged: ${why}.`, {
    hint: 'It was left as it is. Repair the file, or delete the session.',
  });
}
