import { lstat } from 'node:fs/promises';
import { Failure } from '../../base/errors.ts';

/** What is found at a path of a tree that agents can write. */
export interface Found {
  kind: 'absent' | 'dir' | 'file' | 'other';
  /** The part of the path that was reached; shorter than the path where a file is in the way of it. */
  path: string;
  links: number;
}

/**
 * Looks for a relative path below a directory without following any symlink. Fails with `isolation` where one is in the
 * way: what it leads to could be changed at any time, so it cannot be protected.
 */
export async function lookBeneath(root: string, path: string): Promise<Found> {
  const parts = path.split('/');
  for (let i = 1; i <= parts.length; i++) {
    const here = parts.slice(0, i).join('/');
    const stats = await lstat(`${root}/${here}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (stats === undefined) return { kind: 'absent', path, links: 0 };
    if (stats.isSymbolicLink()) throw symlink(`${root}/${here}`);
    const last = i === parts.length;
    if (stats.isDirectory() && !last) continue;
    const kind = stats.isDirectory() ? 'dir' : stats.isFile() ? 'file' : 'other';
    return { kind, path: here, links: stats.nlink };
  }
  return { kind: 'absent', path, links: 0 };
}

function symlink(path: string): Failure {
  return new Failure('isolation', `${path} is a symbolic link, which cannot be protected.`, {
    hint: 'Replace it by what it leads to, or name it in `[security] writable_paths`.',
  });
}

/** A path from configuration or a file, cleaned; undefined if it is not a plain relative path. */
export function relativePath(path: string): string | undefined {
  if (path.startsWith('/') || /[\0-\x1f\x7f]/.test(path)) return undefined;
  const parts = path.split('/').filter(part => part !== '' && part !== '.');
  return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/');
}
