import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { withDirectory } from './beneath.ts';
import { Failure } from './errors.ts';

/**
 * Writes a file below a directory in which a container could write, and makes the directories to it: no symlink is followed, and what
 * had the name is replaced as a whole. `modifiedMs` is when it is said to have been changed.
 * Fails with `invalid` when something else than a directory is in the way, and for a path that leads elsewhere.
 */
export async function writeBeneath(
  root: string,
  parts: readonly string[],
  data: Uint8Array,
  modifiedMs: number,
): Promise<void> {
  const [name, ...rest] = parts;
  if (name === undefined || !isName(name)) throw inTheWay(join(root, ...parts));
  if (rest.length === 0) return replace(root, name, data, modifiedMs);
  await mkdir(join(root, name), { mode: 0o700 }).catch(ignoreExisting);
  const done = await withDirectory(root, [name], async next => {
    await writeBeneath(next, rest, data, modifiedMs);
    return true;
  });
  if (done === undefined) throw inTheWay(name);
}

/** Whether it names something in its directory and nothing else. */
export function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name) && name.isWellFormed();
}

async function replace(directory: string, name: string, data: Uint8Array, modifiedMs: number): Promise<void> {
  const temporary = join(directory, `.${randomBytes(8).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(data);
    await file.utimes(modifiedMs / 1000, modifiedMs / 1000);
    await file.sync();
    await rename(temporary, join(directory, name));
  } catch (error) {
    await unlink(temporary);
    throw error;
  } finally {
    await file.close();
  }
}

function inTheWay(what: string): Failure {
  return new Failure('invalid', `${JSON.stringify(what)} is not a directory that can be written to.`, {
    hint: 'Move away what has its name.',
  });
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
}
