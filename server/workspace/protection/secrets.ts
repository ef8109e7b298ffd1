import { lstat, readdir, readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { lookBeneath, relativePath } from './beneath.ts';
import { compileGlobs, type Matcher } from './glob.ts';
import type { Item } from './types.ts';

/** Directories that hold other people's files, by the hundred thousand. */
const PASSED_OVER: ReadonlySet<string> = new Set(['.git', 'node_modules']);
/** Entries that are looked at, and matches, before a slot is refused rather than opened with some of them seen. */
const MOST_ENTRIES = 300_000;
const MOST_SECRETS = 400;

interface Entry {
  path: string;
  kind: 'dir' | 'file' | 'link';
}

/** Items that hide what the globs match, with every further name of such a file. Fails with `isolation` if there is too much. */
export async function secretItems(root: string, globs: readonly string[]): Promise<Item[]> {
  if (globs.length === 0) return [];
  const { entries, matching } = await walk(root, compileGlobs(globs));
  const paths = new Map<string, Item>();
  const hide = (path: string, kind: 'dir' | 'file') => paths.set(path, { path, action: 'hide', kind });
  for (const entry of matching) {
    if (entry.kind !== 'link') hide(entry.path, entry.kind);
    else for (const found of await leadsTo(root, entry.path)) hide(found.path, found.kind);
  }
  for (const other of await sameFiles(root, entries, [...paths.values()])) hide(other, 'file');
  if (paths.size > MOST_SECRETS) throw tooMany(`${paths.size} files match the secret paths`);
  return [...paths.values()].filter(item => !inHidden(item.path, paths));
}

/** Looks at everything, a directory at a time: the backend serves others meanwhile. */
async function walk(root: string, matches: Matcher): Promise<{ entries: Entry[]; matching: Entry[] }> {
  const found: Entry[] = [];
  const matching: Entry[] = [];
  const left = [''];
  for (let dir = left.pop(); dir !== undefined; dir = left.pop()) {
    const entries = await readdir(`${root}/${dir}`, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
      if (relativePath(path) !== path) continue;
      const kind = entry.isDirectory() ? 'dir' : entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : undefined;
      if (kind === undefined || (kind === 'dir' && PASSED_OVER.has(entry.name))) continue;
      found.push({ path, kind });
      if (matches(path)) matching.push({ path, kind });
      if (kind === 'dir') left.push(path);
    }
    if (found.length > MOST_ENTRIES) throw tooMany(`${root} has more than ${MOST_ENTRIES} entries to look through`);
  }
  return { entries: found, matching };
}

/** What a matching symlink leads to, if that is in the workspace; what is outside cannot be seen inside anyway. */
async function leadsTo(root: string, path: string): Promise<{ path: string; kind: 'dir' | 'file' }[]> {
  const to = relativePath(
    posix.relative(root, posix.resolve(root, posix.dirname(path), await readlink(`${root}/${path}`))),
  );
  if (to === undefined) return [];
  const { kind, path: reached } = await lookBeneath(root, to);
  return (kind === 'dir' || kind === 'file') && reached === to ? [{ path: to, kind }] : [];
}

/** Other names, anywhere in the workspace, of hidden files that have several. */
async function sameFiles(root: string, entries: readonly Entry[], hidden: readonly Item[]): Promise<string[]> {
  const idOf = async (path: string) => {
    const stats = await lstat(`${root}/${path}`).catch(() => undefined);
    return stats?.isFile() && stats.nlink > 1 ? `${stats.dev}:${stats.ino}` : undefined;
  };
  const wanted = new Set<string>();
  for (const item of hidden) {
    const id = item.kind === 'file' ? await idOf(item.path) : undefined;
    if (id !== undefined) wanted.add(id);
  }
  if (wanted.size === 0) return [];
  const same: string[] = [];
  for (const entry of entries) {
    const id = entry.kind === 'file' ? await idOf(entry.path) : undefined;
    if (id !== undefined && wanted.has(id)) same.push(entry.path);
  }
  return same;
}

function inHidden(path: string, items: ReadonlyMap<string, Item>): boolean {
  for (let dir = posix.dirname(path); dir !== '.'; dir = posix.dirname(dir)) if (items.has(dir)) return true;
  return false;
}

function tooMany(what: string): Failure {
  return new Failure('isolation', `${what}, which is too much to hide.`, {
    hint: 'Name fewer in `[security] secret_paths`, or keep secrets in one directory.',
  });
}
