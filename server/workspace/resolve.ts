import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path/posix';
import { Failure } from '../base/errors.ts';
import { identityOf, type TrustedTarget } from '../base/trusted-path.ts';
import { readGitLayout } from './git.ts';
import { type Hostile, withLinks } from './links.ts';
import { homesOfPeople } from './private-places.ts';
import { refuseDirectory } from './refuse.ts';
import type { Workspace } from './types.ts';

export interface ResolveOptions {
  /** The backend's own home directory. */
  home: string;
  /** Directories of the backend and of Incus: no workspace may contain them or lie in them. */
  stateDirs: readonly string[];
  /** The homes of the people of this computer; those of its own list unless said. */
  homes?: readonly string[];
  /** Whether this is WSL, with the drives of Windows; as the kernel says unless said. */
  windows?: boolean;
  /** The backend's own uid; 0 may open what belongs to others. */
  uid: number;
  /** Links there are not followed; nowhere unless said. */
  hostile?: Hostile;
}

/**
 * Looks at a folder that is to be opened. Fails with `invalid` (relative, not a directory, refused), `not-found` or
 * `permission` (unreadable, or somebody else's), and `isolation` for a link that an agent may have made, each with a reason and a next
 * step. Writes nothing.
 */
export async function resolveWorkspace(path: string, o: ResolveOptions): Promise<Workspace> {
  const cleaned = cleanWorkspacePath(path);
  const options = await realOptions(o);
  refuseDirectory(cleaned, { ...options, home: o.home });
  const found = await look(cleaned, options);
  return { ...found, ...(await readGitLayout(found.real, found.uid, { hostile: nowhere, ...options })) };
}

/**
 * The path as it counts for a container's name: absolute and cleaned like Go's filepath.Abs, symlinks not resolved.
 * Fails with `invalid` for a relative path and for one with a control character, such as a line break, which no mount table can hold.
 */
export function cleanWorkspacePath(path: string): string {
  const shown = JSON.stringify(path);
  if (/[\0-\x1f\x7f]/.test(path))
    throw new Failure('invalid', `The path ${shown} contains a line break, a NUL or another control character.`, {
      hint: 'Rename the folder.',
    });
  if (!isAbsolute(path))
    throw new Failure('invalid', `The path ${shown} is not absolute.`, { hint: 'Give the full path, from /.' });
  const cleaned = normalize(path).replace(/\/+$/, '');
  return cleaned === '' ? '/' : cleaned;
}

async function look(path: string, o: ResolveOptions): Promise<Omit<Workspace, 'git' | 'gitProblem'>> {
  let reached = false;
  try {
    return await withLinks(path, o.hostile ?? nowhere, `The folder ${path}`, async target => {
      reached = true;
      return check(path, target, o);
    });
  } catch (error) {
    if (reached || !(error instanceof Failure)) throw error;
    if (error.kind === 'permission') throw unreadable(path);
    if (error.kind !== 'not-found') throw error;
    throw new Failure('not-found', `The folder ${path} does not exist.`, {
      hint: 'Check the path, or create the folder.',
    });
  }
}

async function check(
  path: string,
  target: TrustedTarget,
  o: ResolveOptions,
): Promise<Omit<Workspace, 'git' | 'gitProblem'>> {
  const { real, stats, handle } = target;
  refuseDirectory(real, o);
  if (!stats.isDirectory())
    throw new Failure('invalid', `${path} is not a directory.`, { hint: 'Choose a folder, not a file.' });
  const [uid, gid] = [Number(stats.uid), Number(stats.gid)];
  if (o.uid !== 0 && uid !== o.uid) throw foreign(path, uid);
  await access(handle, constants.R_OK | constants.X_OK).catch(() => {
    throw unreadable(path);
  });
  return { path, real, identity: identityOf(target), uid, gid, rootOwned: uid === 0 };
}

const nowhere: Hostile = async () => [];

async function realOptions(o: ResolveOptions): Promise<ResolveOptions> {
  const real = async (path: string) => realpath(path).catch(() => path);
  const homes = o.homes ?? (await homesOfPeople());
  const [stateDirs, realHomes] = await Promise.all([o.stateDirs, homes].map(paths => Promise.all(paths.map(real))));
  return {
    ...o,
    home: await real(o.home),
    stateDirs: [...o.stateDirs, ...(stateDirs ?? [])],
    homes: [...new Set([...homes, ...(realHomes ?? [])])],
  };
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
