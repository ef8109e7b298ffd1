import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories, removeDirectory } from './directories.ts';

/**
 * Puts into a directory of a session what `write` writes into a new one, in place of what it held; all is as before when `write` fails
 * or gives false. Not for a session whose agent runs. Fails with `invalid` when something else is in the directory's place.
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
    await removeDirectory(join(sessionDir, saved));
    await rename(fresh, join(sessionDir, saved));
  } finally {
    await removeDirectory(fresh);
  }
}
