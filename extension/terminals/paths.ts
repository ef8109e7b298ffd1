import { posix } from 'node:path';
import type { Mount } from '../../server/protocol/types.ts';

/** What may be a path in a line of a terminal, and the place in the file that it names (both 1-based). */
export interface FoundPath {
  readonly start: number;
  readonly length: number;
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
}

const MAX_LINE = 4000;
const MAX_PATH = 1024;
const AT = String.raw`:(?<line1>\d{1,7})(?::(?<column1>\d{1,7}))?|\((?<line2>\d{1,7}),\s?(?<column2>\d{1,7})\)`;
const PLACE = String.raw`(?:${AT}|",? line (?<line3>\d{1,7}))?`;
/** Where a path may begin, and its characters but for brackets. */
const BEGIN = String.raw`(?<![^\s'"\`(\[<{=|│:])`;
const PLAIN = String.raw`[^\s'"\`()\[\]<>{}|│,;:=*?\\]`;
/** Part of a name that is in brackets, as those of routes are: `[id]`, `[[...all]]`, `(group)`. */
const GROUP = String.raw`\[{1,2}${PLAIN}*\]{1,2}|\(${PLAIN}*\)`;
/** Between quotes, with a blank. */
const QUOTED = String.raw`(?<quote>["'\`])(?<path>[^"'\`\n: ]+ [^"'\`\n:]+)`;

const PATHS = [
  new RegExp(`${BEGIN}(?<path>${PLAIN}+)${PLACE}`, 'g'),
  new RegExp(`${BEGIN}(?<path>(?:${PLAIN}|${GROUP})+)${PLACE}`, 'g'),
  // The closing quote stays for the next one: an apostrophe before must not turn inside and outside round.
  new RegExp(String.raw`${QUOTED}(?:${AT})?(?=\k<quote>)`, 'g'),
  new RegExp(String.raw`${QUOTED}\k<quote>(?:${AT}|,? line (?<line3>\d{1,7}))`, 'g'),
] as const;

/**
 * Finds what may be a file in a line: a path with a slash, or a name with an extension and a place. Brackets and blanks can be part of a name
 * or not, so that several may begin or end at the same text: the longest comes first, and what is there on the host decides.
 */
export function findPaths(text: string): FoundPath[] {
  if (text.length > MAX_LINE) return [];
  const found = new Map<string, FoundPath>();
  for (const match of PATHS.flatMap(pattern => [...text.matchAll(pattern)])) {
    const one = toFound(match);
    if (one !== undefined) found.set(`${one.start} ${one.length}`, one);
  }
  return [...found.values()].sort((left, right) => right.length - left.length || left.start - right.start);
}

function toFound(match: RegExpMatchArray): FoundPath | undefined {
  const { path: raw = '', quote = '', line1, column1, line2, column2, line3 } = match.groups ?? {};
  const line = line1 ?? line2 ?? line3;
  const column = column1 ?? column2;
  const path = line === undefined && quote === '' ? raw.replace(/[.!]+$/, '') : raw;
  if (path.length > MAX_PATH || !looksLikePath(path, line !== undefined)) return undefined;
  return {
    start: (match.index ?? 0) + quote.length,
    length: line === undefined ? path.length : match[0].length - quote.length,
    path,
    ...(line === undefined ? {} : { line: Number(line) }),
    ...(column === undefined ? {} : { column: Number(column) }),
  };
}

function looksLikePath(path: string, hasPlace: boolean): boolean {
  if (path.startsWith('//') || path === '/' || path === '.' || path === '..') return false;
  return path.includes('/') || (hasPlace && /\.[A-Za-z0-9]+$/.test(path));
}

/** A file on the host, and the mount that it was reached through. */
export interface HostPath {
  readonly path: string;
  readonly mount: Mount;
}

/**
 * Maps a path inside a container to the host, through the longest mount that holds it. Relative paths start at the
 * workspace, given by its real path as mounts name it. Nothing is looked up: whether symlinks lead out is for the caller to check on the host.
 */
export function toHostPath(path: string, mounts: readonly Mount[], workspace: string): HostPath | undefined {
  const base = mounts.find(mount => mount.source === workspace)?.path;
  if (!path.startsWith('/') && base === undefined) return undefined;
  const inside = posix.resolve(base ?? '/', path);
  const mount = mounts
    .filter(each => contains(each.path, inside))
    .sort((left, right) => right.path.length - left.path.length)[0];
  if (mount === undefined) return undefined;
  return { path: posix.join(mount.source, posix.relative(mount.path, inside)), mount };
}

/** How the user names a real path: below the folder that they opened, where that leads to the real one by a symlink. */
export function asOpened(path: string, folder: string, realFolder: string): string {
  return contains(realFolder, path) ? posix.join(folder, posix.relative(realFolder, path)) : path;
}

/** Whether a directory holds a path, or is it. */
export function contains(directory: string, path: string): boolean {
  const relative = posix.relative(directory, path);
  return relative === '' || (relative !== '..' && !relative.startsWith('../') && !posix.isAbsolute(relative));
}

/** Maps a host path into a container, through the deepest mount that holds it. */
export function toContainerPath(path: string, mounts: readonly Mount[]): string | undefined {
  const mount = mounts
    .filter(each => contains(each.source, path))
    .sort((left, right) => right.source.length - left.source.length)[0];
  return mount && posix.join(mount.path, posix.relative(mount.source, path));
}
