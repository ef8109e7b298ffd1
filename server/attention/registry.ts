import { filesBeneath, readBeneath } from '../base/beneath.ts';
import { plainLine } from '../base/plain.ts';
import type { RegistryInput } from './types.ts';

const LIMIT = 16 * 1024;
/** An agent has one file per process; more than a few are somebody's play. */
const MAX_FILES = 32;

/** One file of the registry. */
interface Entry extends RegistryInput {
  /** When that process began (ms). */
  startedAt?: number;
  /** It was begun by a script, with its prompt. */
  script?: true;
}

/**
 * What Claude's registry says: one file `<pid>.json` per running process with `status` busy, idle or waiting. That of the agent's
 * own `conversation` counts, since it may run others of its kind; while that is not among them, the newest one. The program removes
 * its file when it ends; after a SIGKILL it stays. `endedAt`: the agent has ended then (ms), so the only one that a person began since
 * takes its place. Undefined when nothing can be told now.
 */
export async function readRegistry(
  sessionDir: string,
  parts: readonly string[],
  now: number,
  conversation?: string,
  endedAt?: number,
): Promise<RegistryInput | undefined> {
  let refused = false;
  const files = await filesBeneath(sessionDir, parts, {
    depth: 0,
    accept: name => /^\d{1,10}\.json$/.test(name),
    limit: 256,
    refused: () => {
      refused = true;
    },
  });
  // What may not be read, as root inside can make it, is not gone.
  if (files.length === 0 && refused) return undefined;
  if (files.length === 0) return { kind: 'registry', status: 'none', updatedAt: now, at: now };
  const newest = files.sort((a, b) => b.modifiedMs - a.modifiedMs).slice(0, MAX_FILES);
  const entries: Entry[] = [];
  let torn = false;
  for (const file of newest) {
    const entry = parseEntry((await readBeneath(sessionDir, file.parts, LIMIT))?.toString('utf8') ?? '', now);
    if (entry !== undefined && entry.conversation === conversation && endedAt === undefined) return entry;
    if (entry === undefined) torn = true;
    else entries.push(entry);
  }
  const successor = endedAt === undefined ? undefined : successorOf(entries, endedAt);
  if (successor !== undefined) return { ...successor, successor: true };
  const own = entries.find(entry => entry.conversation === conversation);
  // A file that is being written is none that was taken away, and may be the one.
  return own ?? (torn && conversation !== undefined ? undefined : entries[0]);
}

function successorOf(entries: readonly Entry[], endedAt: number): Entry | undefined {
  const begun = entries.filter(
    ({ startedAt, script, conversation }) =>
      script !== true && conversation !== undefined && startedAt !== undefined && startedAt > endedAt,
  );
  return begun.length === 1 ? begun[0] : undefined;
}

/** As the hooks tell it, and as it is in a session's record. */
const CONVERSATION = /^[A-Za-z0-9_-]{8,64}$/;

/** One file of the registry; undefined while it is being written, or when it is something else. */
export function parseEntry(text: string, now: number): Entry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { status, statusUpdatedAt, waitingFor, sessionId, startedAt, entrypoint } = value as Record<string, unknown>;
  if (status !== 'busy' && status !== 'idle' && status !== 'waiting') return undefined;
  // A number that is no time is whoever's play.
  const updatedAt = Number.isFinite(statusUpdatedAt) ? Math.min(Math.max(Number(statusUpdatedAt), 0), now) : now;
  const detail = typeof waitingFor === 'string' ? plainLine(waitingFor, 80) : '';
  return {
    kind: 'registry',
    status,
    updatedAt,
    at: now,
    ...(detail === '' ? {} : { detail }),
    ...(typeof sessionId === 'string' && CONVERSATION.test(sessionId) ? { conversation: sessionId } : {}),
    ...(typeof startedAt === 'number' ? { startedAt } : {}),
    // "cli" is a person's; of 2.1.329.
    ...(typeof entrypoint === 'string' && entrypoint.startsWith('sdk') ? { script: true } : {}),
  };
}
