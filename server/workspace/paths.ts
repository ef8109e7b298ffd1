import { isAbsolute, normalize } from 'node:path/posix';
import { isWithin } from './refuse.ts';

/** A host directory that is visible inside. */
export interface PathMount {
  source: string;
  path: string;
}

/**
 * The host path of a path inside, by the mounts alone: no file system is asked, so no symlink that a container made can lead
 * elsewhere. Undefined for what lies in no mount, is not absolute, or has a `..` in it.
 */
export function toHostPath(containerPath: string, mounts: readonly PathMount[]): string | undefined {
  return translate(containerPath, mounts, 'path', 'source');
}

/** The path inside of a host path; undefined where toHostPath gives undefined. */
export function toContainerPath(hostPath: string, mounts: readonly PathMount[]): string | undefined {
  return translate(hostPath, mounts, 'source', 'path');
}

function translate(
  path: string,
  mounts: readonly PathMount[],
  from: keyof PathMount,
  to: keyof PathMount,
): string | undefined {
  if (!isAbsolute(path) || path.includes('\0') || path.split('/').includes('..')) return undefined;
  const cleaned = trim(normalize(path));
  // The innermost mount hides the outer ones.
  const [mount] = mounts.filter(m => isWithin(cleaned, trim(m[from]))).sort((a, b) => b[from].length - a[from].length);
  if (mount === undefined) return undefined;
  return trim(`${trim(mount[to])}/${cleaned.slice(trim(mount[from]).length)}`.replace(/\/+/g, '/'));
}

function trim(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}
