import { randomUUID } from 'node:crypto';
import { mkdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories, removeDirectory } from './directories.ts';

/**
 * Puts into a directory of a session what `write` writes into a new one, in place of what it held, which is kept beside it; all is as
 * before when `write` fails or gives false. Not for a session whose agent runs. Fails with `invalid` when something else is in the
 * directory's place.
 */
export async function fillDirectory(
  sessionDir: string,
  saved: string,
  write: (to: string) => Promise<boolean>,
): Promise<void> {
  const fresh = join(sessionDir, '.taken-over.tmp');
  await removeDirectory(fresh);
  await mkdir(fresh, { mode: 0o700 });
  try {
    if (!(await write(fresh))) return;
    await makeDirectories(sessionDir, saved);
    await replace(join(sessionDir, saved), fresh);
  } finally {
    await removeDirectory(fresh);
  }
}

/** What an agent left may be a conversation that nobody here can read any more. */
async function replace(place: string, fresh: string): Promise<void> {
  const former = `${place}.${randomUUID()}`;
  await rename(place, former);
  try {
    await rename(fresh, place);
  } catch (error) {
    await rename(former, place);
    throw error;
  }
  await rmdir(former).catch(ignoreFull);
}

function ignoreFull(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error;
}
