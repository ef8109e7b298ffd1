import { chown, lchown, lstat, mkdir, opendir, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { withDirectory } from '../base/beneath.ts';
import { Failure, isRefused, messageOf } from '../base/errors.ts';
import { quote } from '../base/shell.ts';
import { OWN_RECORD, RECORD } from './record.ts';
import type { Owner, SessionDir, SessionMount } from './types.ts';

/**
 * Makes the directories of a session that a container gets, owned by the workspace's owner, and empties those that tell
 * about running processes. The directories above them stay the backend's own, so that a container can replace none of them.
 * Fails with `invalid` when something else than a directory is in the way.
 */
export async function prepareDirectories(sessionDir: string, dirs: readonly SessionDir[], owner: Owner): Promise<void> {
  for (const dir of dirs) {
    await makeDirectories(sessionDir, dir.saved);
    if (dir.volatile) await withDirectory(sessionDir, dir.saved.split('/'), emptyDirectory);
    await hand(join(sessionDir, dir.saved), owner);
  }
}

/** The directories of a session as mounts of a container whose user has the home `home` inside. */
export function mountsOf(sessionDir: string, dirs: readonly SessionDir[], home: string): SessionMount[] {
  return dirs.map((dir, i) => ({
    device: `session-${i}`,
    source: join(sessionDir, dir.saved),
    path: home === '/' ? `/${dir.home}` : `${home}/${dir.home}`,
  }));
}

/** Makes a directory below a session's, with those above it. Fails with `invalid` when something else is in the way. */
export async function makeDirectories(base: string, saved: string): Promise<void> {
  let path = base;
  for (const name of saved.split('/')) {
    path = join(path, name);
    await mkdir(path, { mode: 0o700 }).catch(ignoreExisting);
    if (!(await lstat(path)).isDirectory())
      throw new Failure('invalid', `${path} is not a directory, so the session cannot be opened.`, {
        hint: 'It was left as it is. Move it away, or delete the session.',
      });
  }
}

/** Files only: an agent makes nothing else there, and a removal that descends could be led astray. */
async function emptyDirectory(path: string): Promise<void> {
  for await (const entry of await opendir(path)) {
    if (!entry.isDirectory()) await unlink(join(path, entry.name)).catch(ignoreMissing);
  }
}

/** Only root can give files away; another user's own files belong to the owner already. */
async function hand(path: string, owner: Owner): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await lstat(path);
  if (uid === owner.uid && gid === owner.gid) return;
  await handTree(path, owner);
}

/**
 * Gives a tree to its owner. Every directory is opened before it is descended into, and a symlink is given away itself; a
 * file with several names could be one from elsewhere and stays as it is.
 */
async function handTree(path: string, owner: Owner): Promise<void> {
  await withDirectory(path, [], async open => {
    await chown(open, owner.uid, owner.gid);
    for await (const entry of await opendir(open)) {
      if (entry.isDirectory()) await handBelow(open, entry.name, owner);
      else if (entry.isFile()) await handFile(join(open, entry.name), owner);
    }
  });
}

async function handBelow(parent: string, name: string, owner: Owner): Promise<void> {
  await withDirectory(parent, [name], path => handTree(path, owner));
}

async function handFile(path: string, owner: Owner): Promise<void> {
  const stat = await lstat(path);
  if (stat.isFile() && stat.nlink === 1) await lchown(path, owner.uid, owner.gid);
}

/**
 * Removes a session's directory with everything in it, the records last, so that it can be tried again. Fails with `permission` when
 * something in it is another user's, as what root inside made in a container that was not stopped by us.
 */
export async function removeSession(path: string): Promise<void> {
  try {
    for (const name of await readdir(path)) if (!RECORDS.includes(name)) await removeDirectory(join(path, name));
    await removeDirectory(path);
  } catch (error) {
    if (!isRefused(error)) throw error;
    throw new Failure('permission', `The session in ${path} cannot be deleted: some of its files are another user's.`, {
      hint: `Run: sudo rm -rf ${quote(path)}`,
      detail: messageOf(error),
      cause: error,
    });
  }
}

const RECORDS: readonly string[] = [RECORD, OWN_RECORD];

/** Removes a directory with everything in it; symlinks are removed, not followed. */
export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

function ignoreExisting(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error;
}

function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
