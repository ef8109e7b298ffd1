import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../base/errors.ts';
import { UntrustedDatabase } from '../base/sqlite.ts';
import { DamagedDatabase, type DatabaseFiles } from '../base/sqlite-pages.ts';
import { WHOLE } from './history.ts';
import { LOGIN_TABLES, type StoredConversation, storedConversation } from './opencode-database.ts';
import { DATABASE, databaseIn, isOfSystem, refuseOthers, stampOf, withFiles } from './opencode-files.ts';

/** How often a copy is begun anew because opencode wrote meanwhile. */
const TRIES = 5;

/**
 * Writes what opencode needs to continue the conversation of a path into an empty directory; false when there is none. Fails with `invalid`
 * for what is no regular file or damaged, and with `conflict` while opencode writes there.
 */
export async function copyConversation(workspace: string, path: string, to: string): Promise<boolean> {
  const place = databaseIn(workspace);
  try {
    await refuseOthers(workspace);
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
