import type { BigIntStats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { withDirectory, withFile } from '../base/beneath.ts';
import { Failure, messageOf } from '../base/errors.ts';
import { UntrustedDatabase } from '../base/sqlite.ts';
import { DamagedDatabase, type DatabaseFiles } from '../base/sqlite-pages.ts';
import { bounded, WHOLE } from './history.ts';
import { LOGIN_TABLES, newestConversation, type StoredConversation, storedConversation } from './opencode-database.ts';
import type { WorkspaceConversations } from './types.ts';

/** coi sets XDG_DATA_HOME to `.local/share` in the workspace. */
const DATA = ['.local', 'share', 'opencode'];
const DATABASE = 'opencode.db';
const LOG = `${DATABASE}-wal`;
/** How often a copy is begun anew because opencode wrote meanwhile. */
const TRIES = 5;

/**
 * The conversations that coi's opencode left in the workspace, for all its sessions in one database. Agents can write there: no symlink is
 * followed, and the database is read without SQLite. `saved` is the directory of the session that gets the copy.
 */
export function opencodeInWorkspace(saved: string): WorkspaceConversations {
  return {
    saved,
    find: async (workspace, path) => {
      const found = await looked(workspace, database => storedConversation(database, [path]));
      if (found === undefined) return undefined;
      const prompt = found.said.find(({ role, text }) => role === 'user' && text.trim() !== '');
      return {
        agentSessionId: found.id,
        ...(found.changed === undefined ? {} : { lastActivityAt: found.changed }),
        ...(prompt === undefined ? {} : { title: prompt.text.slice(0, 4096) }),
      };
    },
    transcript: async (workspace, path) =>
      bounded((await looked(workspace, database => storedConversation(database, [path])))?.said ?? []),
    pathOf: async (workspace, paths) =>
      (await looked(workspace, database => newestConversation(database, paths)))?.directory,
    copy: copyConversation,
  };
}

/** What the database says; undefined also where it cannot be read: what was said there is shown, not needed. */
async function looked<T>(
  workspace: string,
  look: (database: UntrustedDatabase) => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await withFiles(workspace, files => UntrustedDatabase.read(files, look));
  } catch (error) {
    if (error instanceof DamagedDatabase || isOfSystem(error)) return undefined;
    throw error;
  }
}

async function copyConversation(workspace: string, path: string, to: string): Promise<boolean> {
  const place = join(workspace, ...DATA, DATABASE);
  try {
    for (const name of [DATABASE, LOG]) await refuseOthers(workspace, [...DATA, name]);
    for (let i = 0; i < TRIES; i++) {
      const outcome = await withFiles(workspace, files => copyUnchanged(files, path, to));
      if (outcome !== 'changed') return outcome === 'copied';
    }
  } catch (error) {
    if (!(error instanceof DamagedDatabase) && !isOfSystem(error)) throw error;
    throw new Failure('invalid', `The conversation in ${place} cannot be taken over: ${messageOf(error)}.`, {
      hint: 'It was left as it is. Open a new slot instead, or go on with it in coi.',
      cause: error,
    });
  }
  throw new Failure('conflict', `The conversation in ${place} cannot be taken over while opencode writes there.`, {
    hint: 'Wait until the opencode that coi runs in this folder has finished its turn, then try again.',
  });
}

/** Calls `work` with the database's files; undefined when there is no database. */
async function withFiles<T>(workspace: string, work: (files: DatabaseFiles) => Promise<T>): Promise<T | undefined> {
  return withFile(workspace, [...DATA, DATABASE], async database => {
    if (!(await database.stat()).isFile()) throw new DamagedDatabase('it is not a regular file');
    const done = await withFile(workspace, [...DATA, LOG], async log => {
      if (!(await log.stat()).isFile()) throw new DamagedDatabase('its log is not a regular file');
      return { value: await work({ database, log }) };
    });
    return done === undefined ? work({ database }) : done.value;
  });
}

/** Fails when something is there that is no directory, or at the end no regular file: a symlink is not taken for a missing file. */
async function refuseOthers(workspace: string, parts: readonly string[]): Promise<void> {
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    await withDirectory(workspace, parts.slice(0, i), async directory => {
      const stat = await lstat(join(directory, part)).catch(missing);
      if (stat !== undefined && !(last ? stat.isFile() : stat.isDirectory()))
        throw new DamagedDatabase(`${parts.slice(0, i + 1).join('/')} is not a ${last ? 'regular file' : 'directory'}`);
    });
  }
}

/** Copies the database and what was said in its conversation, if there is one; `changed` when something was written meanwhile. */
async function copyUnchanged(
  files: DatabaseFiles,
  path: string,
  to: string,
): Promise<'copied' | 'changed' | 'nothing'> {
  const before = await stampOf(files);
  let outcome: 'copied' | 'nothing' | undefined;
  try {
    outcome = await UntrustedDatabase.read(files, async database => {
      const found = await storedConversation(database, [path]);
      if (found === undefined) return 'nothing';
      await writeNew(join(to, DATABASE), file => writeDatabase(files, database, file));
      await writeNew(join(to, 'transcript.jsonl'), file => file.writeFile(transcriptLines(found)));
      return 'copied';
    });
  } catch (error) {
    // What is read while it is being written looks damaged.
    if (!(error instanceof DamagedDatabase) || (await stampOf(files)) === before) throw error;
  }
  return (await stampOf(files)) === before && outcome !== undefined ? outcome : 'changed';
}

/** One file with what the log has newer, so that no log is needed, and without logins: those do not belong into a session. */
async function writeDatabase(files: DatabaseFiles, database: UntrustedDatabase, to: FileHandle): Promise<void> {
  const { pages } = database;
  const piece = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < pages.count * pages.size; ) {
    const wanted = Math.min(piece.length, pages.count * pages.size - at);
    const { bytesRead } = await files.database.read(piece, 0, wanted, at);
    if (bytesRead === 0) break;
    await to.write(piece, 0, bytesRead, at);
    at += bytesRead;
  }
  await to.truncate(pages.count * pages.size);
  for (const number of pages.newer.keys()) {
    if (number <= pages.count) await to.write(await pages.page(number), 0, pages.size, (number - 1) * pages.size);
  }
  for (const [number, page] of await database.emptied(LOGIN_TABLES))
    await to.write(page, 0, pages.size, (number - 1) * pages.size);
}

async function writeNew(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** As our plugin notes what is said; of a very long conversation its end. */
function transcriptLines({ id, said }: StoredConversation): string {
  const lines: string[] = [];
  let left = WHOLE;
  for (const { role, text, at } of said.toReversed()) {
    const line = `${JSON.stringify({ session: id, role, text, at })}\n`;
    left -= Buffer.byteLength(line);
    if (left < 0) break;
    lines.push(line);
  }
  // A conversation of pictures alone goes on, too.
  return lines.length === 0 ? `${JSON.stringify({ session: id, role: 'user', text: '' })}\n` : lines.reverse().join('');
}

/** Says whether the files are what they were. */
async function stampOf({ database, log }: DatabaseFiles): Promise<string> {
  const stats = [await database.stat({ bigint: true }), await log?.stat({ bigint: true })];
  return stats.map(stat => (stat === undefined ? '' : stamp(stat))).join(' ');
}

function stamp({ size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${size}-${mtimeNs}-${ctimeNs}`;
}

function missing(error: unknown): undefined {
  if (isOfSystem(error) && error.code === 'ENOENT') return undefined;
  throw error;
}

function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
