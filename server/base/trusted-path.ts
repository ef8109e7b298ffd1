import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path/posix';
import { Failure, messageOf } from './errors.ts';

/** Linux; Node does not name it. Opens what is there, whatever it is, without reading it. */
const O_PATH = 0o10000000;
const MOST_LINKS = 40;

/** What a path on the host leads to. */
export interface TrustedTarget {
  /** With every link followed. */
  real: string;
  stats: BigIntStats;
  /** Stands for what was looked at, whatever its name leads to meanwhile; good until `use` has ended. */
  handle: string;
}

/** `<device number>:<inode>` of a target, as stat(1) writes them. */
export function identityOf({ stats }: TrustedTarget): string {
  return `${stats.dev}:${stats.ino}`;
}

/**
 * Looks up a path that configuration names, and gives `use` what it leads to. The user's own links are followed; one in a directory
 * in which a container can write (`hostile`, absolute and real) is not, whoever made it. Every step is opened by itself, so that nothing can
 * be swapped meanwhile. `what` begins the messages. Fails with `not-found`, `permission`, `isolation` for such a link, and `invalid`, also
 * for a control character in a name.
 */
export async function withTrustedPath<T>(
  path: string,
  hostile: readonly string[],
  what: string,
  use: (target: TrustedTarget) => Promise<T>,
): Promise<T> {
  let wanted = normalize(path);
  for (let links = 0; links < MOST_LINKS; links++) {
    const found = await walk(wanted, hostile, what);
    if ('path' in found) {
      wanted = found.path;
      continue;
    }
    try {
      // No mount table and no configuration of LXC can hold one; a link can lead to it from a name that has none.
      if (/[\0-\x1f\x7f]/.test(found.real)) throw unwritable(found.real, what);
      const handle = `/proc/self/fd/${found.file.fd}`;
      return await use({ real: found.real, stats: found.stats, handle });
    } finally {
      await found.file.close();
    }
  }
  throw new Failure('invalid', `${what} cannot be used: too many links lead on from ${path}.`, { hint: CHECK });
}

/** The target, open; or the path to try instead, because a link was on the way. */
async function walk(
  path: string,
  hostile: readonly string[],
  what: string,
): Promise<{ file: FileHandle; real: string; stats: BigIntStats } | { path: string }> {
  let file = await step('/', path, what);
  try {
    let real = '/';
    let stats = await file.stat({ bigint: true });
    const names = path.split('/').filter(name => name !== '');
    for (const [i, name] of names.entries()) {
      const next = await step(`/proc/self/fd/${file.fd}/${name}`, path, what);
      await file.close();
      file = next;
      real = join(real, name);
      stats = await file.stat({ bigint: true });
      if (!stats.isSymbolicLink()) continue;
      const target = await follow(real, hostile, what);
      await file.close();
      return { path: join(target, ...names.slice(i + 1)) };
    }
    return { file, real, stats };
  } catch (error) {
    await file.close().catch(() => {}); // It may be closed already; the error says more.
    throw error;
  }
}

/** Where a link leads, if it is the user's. */
async function follow(link: string, hostile: readonly string[], what: string): Promise<string> {
  const place = dirname(link);
  if (hostile.some(directory => isBelow(place, directory))) {
    throw new Failure('isolation', `${what} cannot be used: ${link} is a link which an agent may have made.`, {
      hint: 'Name what it leads to, if that is what you mean.',
    });
  }
  const target = await readlink(link);
  return normalize(isAbsolute(target) ? target : join(place, target));
}

async function step(path: string, whole: string, what: string): Promise<FileHandle> {
  try {
    return await open(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new Failure('not-found', `${what} does not exist: ${whole}.`, { hint: CHECK });
    if (code === 'EACCES' || code === 'EPERM')
      throw new Failure('permission', `${what} cannot be reached by you: ${whole}.`, {
        hint: `Give yourself access to it, or take it out of the configuration.`,
      });
    throw new Failure('invalid', `${what} cannot be used: ${messageOf(error)}.`, { cause: error });
  }
}

function unwritable(path: string, what: string): Failure {
  return new Failure(
    'invalid',
    `${what} cannot be used: ${JSON.stringify(path)} has a control character in its name.`,
    {
      hint: 'Rename it.',
    },
  );
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

const CHECK = 'Make it, or correct or remove the entry in the configuration.';
