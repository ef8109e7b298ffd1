import { constants, type Stats } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path/posix';
import { Failure, messageOf } from '../base/errors.ts';
import { readGitLayout } from './git.ts';
import { refuseDirectory } from './refuse.ts';
import type { Workspace } from './types.ts';

export interface ResolveOptions {
  /** The backend's own home directory. */
  home: string;
  /** Directories of the backend and of Incus: no workspace may contain them or lie in them. */
  stateDirs: readonly string[];
  /** The backend's own uid; 0 may open what belongs to others. */
  uid: number;
}

/**
 * Looks at a folder that is to be opened. Fails with `invalid` (relative, not a directory, refused), `not-found` or
 * `permission` (unreadable, or somebody else's), each with a reason and a next step. Writes nothing.
 */
export async function resolveWorkspace(path: string, o: ResolveOptions): Promise<Workspace> {
  const cleaned = cleanWorkspacePath(path);
  refuseDirectory(cleaned, o);
  const { real, stats } = await look(cleaned);
  refuseDirectory(real, await realOptions(o));
  if (!stats.isDirectory())
    throw new Failure('invalid', `${cleaned} is not a directory.`, { hint: 'Choose a folder, not a file.' });
  if (o.uid !== 0 && stats.uid !== o.uid) throw foreign(cleaned, stats.uid);
  await access(real, constants.R_OK | constants.X_OK).catch(() => {
    throw unreadable(cleaned);
  });
  return {
    path: cleaned,
    real,
    uid: stats.uid,
    gid: stats.gid,
    rootOwned: stats.uid === 0,
    ...(await readGitLayout(real, stats.uid, await realOptions(o))),
  };
}

/**
 * The path as it counts for a container's name: absolute and cleaned like Go's filepath.Abs, symlinks not resolved.
 * Fails with `invalid` for a relative path and for one with a line break or NUL, which no mount table can hold.
 */
export function cleanWorkspacePath(path: string): string {
  const shown = JSON.stringify(path);
  if (/[\0\n\r]/.test(path))
    throw new Failure('invalid', `The path ${shown} contains a line break or a NUL character.`, {
      hint: 'Rename the folder.',
    });
  if (!isAbsolute(path))
    throw new Failure('invalid', `The path ${shown} is not absolute.`, { hint: 'Give the full path, from /.' });
  const cleaned = normalize(path).replace(/\/+$/, '');
  return cleaned === '' ? '/' : cleaned;
}

async function look(path: string): Promise<{ real: string; stats: Stats }> {
  try {
    const real = await realpath(path);
    return { real, stats: await stat(real) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new Failure('not-found', `The folder ${path} does not exist.`, {
        hint: 'Check the path, or create the folder.',
      });
    if (code === 'EACCES' || code === 'EPERM') throw unreadable(path);
    throw new Failure('invalid', `The folder ${path} cannot be used: ${messageOf(error)}.`, { cause: error });
  }
}

async function realOptions(o: ResolveOptions): Promise<ResolveOptions> {
  const real = async (path: string) => realpath(path).catch(() => path);
  const stateDirs = await Promise.all(o.stateDirs.map(real));
  return { ...o, home: await real(o.home), stateDirs: [...o.stateDirs, ...stateDirs] };
}

function unreadable(path: string): Failure {
  return new Failure('permission', `The folder ${path} cannot be read by you.`, {
    hint: `Give yourself access to it, or choose another folder (ls -ld ${JSON.stringify(path)} shows its owner).`,
  });
}

function foreign(path: string, owner: number): Failure {
  return new Failure('permission', `The folder ${path} belongs to another user (uid ${owner}).`, {
    hint: 'An agent would write as that user. Copy or clone the project into a folder of your own.',
  });
}
