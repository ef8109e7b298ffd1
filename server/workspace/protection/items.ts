import { readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { readUntrusted } from '../../base/files.ts';
import { lookBeneath } from './beneath.ts';
import type { Content, Item, NOWHERE, SAME } from './types.ts';

/** Names that are files if they do not exist yet, with what their readers take for "nothing". */
const FILES: Readonly<Record<string, Content>> = {
  config: '',
  'config.worktree': '',
  attributes: '',
  '.envrc': '',
  commondir: '',
  gitdir: '',
};

const JSON_NAME = /\.(json|jsonc|code-workspace)$/;

/** Entries of one directory that are looked through for files with several names. */
const LOOKED_THROUGH = 5000;

/** What a path is asked to be. */
export interface Wish {
  path: string;
  unflagged?: boolean;
  /** Do nothing where it does not exist. */
  existing?: boolean;
  /** A placeholder of this name is not seen by git. */
  inGit?: boolean;
  /** What it is where it does not exist, if its name does not tell. */
  kind?: 'dir' | 'file';
  /** What a file of this name has to say, also one that is there. */
  content?: typeof SAME | typeof NOWHERE;
  /** Why it cannot be held. */
  refused?: string;
}

/** Read-only items for the wished paths of a tree, without those that lie in another one. Fails with `isolation`. */
export async function lockItems(root: string, wishes: readonly Wish[], flags: boolean): Promise<Item[]> {
  const items = new Map<string, Item>();
  for (const wish of wishes) {
    const item = await lockItem(root, wish);
    if (item === undefined) continue;
    for (const one of [item, ...(await otherNames(root, item, flags))]) items.set(one.path, one);
  }
  return [...items.values()].filter(item => item.kind === 'file' || !coveredBy(item.path, items));
}

async function lockItem(root: string, wish: Wish): Promise<Item | undefined> {
  if (wish.refused !== undefined)
    throw new Failure('isolation', `${root}/${wish.path} cannot be protected: ${wish.refused}.`, {
      hint: 'Name `.git/commondir` in `[security] writable_paths` to open the slot all the same.',
    });
  const found = await lookBeneath(root, wish.path);
  const base = { action: 'lock' as const, ...(wish.unflagged === true ? { unflagged: true } : {}) };
  switch (found.kind) {
    case 'other':
      throw new Failure('isolation', `${root}/${found.path} is neither a file nor a directory.`, {
        hint: 'Remove it, or name it in `[security] writable_paths`.',
      });
    case 'absent':
      return wish.existing === true ? undefined : placeholder(wish);
    case 'dir':
      return { ...base, path: found.path, kind: 'dir' };
    case 'file':
      if (wish.content !== undefined) await checkContent(`${root}/${found.path}`, wish.content);
      return { ...base, path: found.path, ...fileOf(found.path, wish) };
  }
}

async function checkContent(path: string, content: Content): Promise<void> {
  const text = await readUntrusted(path, content.length + 1).catch(() => undefined);
  if (text?.toString('utf8').trimEnd() === content) return;
  throw new Failure('isolation', `${path} leads git to another configuration.`, {
    hint: 'Look at it: an agent may have put it there. Remove it, or name it in `[security] writable_paths`.',
  });
}

function placeholder(wish: Wish): Item {
  const { path } = wish;
  const name = posix.basename(path);
  const isFile = wish.kind === 'file' || FILES[name] !== undefined || /.\.[a-z]+$/.test(name) || JSON_NAME.test(name);
  return { path, action: 'lock', ...(isFile && wish.kind !== 'dir' ? fileOf(path, wish) : { kind: 'dir' }) };
}

/** Also a file that is there can be gone when the slot starts, or be the placeholder of another slot. */
function fileOf(path: string, { inGit, content: wanted }: Wish): Pick<Item, 'kind' | 'content' | 'visible'> {
  const name = posix.basename(path);
  const content = wanted ?? FILES[name] ?? (JSON_NAME.test(name) ? '{}' : '');
  return { kind: 'file', content, ...(inGit === true ? {} : { visible: true }) };
}

function coveredBy(path: string, items: ReadonlyMap<string, Item>): boolean {
  for (let dir = posix.dirname(path); dir !== '.'; dir = posix.dirname(dir))
    if (items.get(dir)?.kind === 'dir') return true;
  return false;
}

/**
 * A file may have a second name elsewhere in the workspace, through which it could be written. With the flag it cannot, so
 * each such file in a locked directory is locked itself; without the flag this is refused.
 */
async function otherNames(root: string, item: Item, flags: boolean): Promise<Item[]> {
  // Git's object stores are full of files with several names, and nothing in them can be changed without being noticed.
  if (posix.basename(item.path) === 'modules' || item.unflagged === true) return [];
  const files = item.kind === 'file' ? [item.path] : await filesOf(root, item.path);
  const linked: Item[] = [];
  for (const path of files) {
    const { kind, links } = await lookBeneath(root, path);
    if (kind === 'file' && links > 1) linked.push({ path, action: 'lock', kind: 'file', content: '' });
  }
  const [first] = linked;
  if (first === undefined || flags) return linked;
  throw new Failure(
    'isolation',
    `${root}/${first.path} is a hard link: under another name it could still be changed.`,
    {
      hint: 'Replace it by a copy of its own.',
    },
  );
}

async function filesOf(root: string, dir: string): Promise<string[]> {
  const found: string[] = [];
  const left = [dir];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const entries = await readdir(`${root}/${next}`, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (/[\0-\x1f\x7f]/.test(entry.name)) continue;
      if (entry.isDirectory()) left.push(`${next}/${entry.name}`);
      if (entry.isFile()) found.push(`${next}/${entry.name}`);
    }
    if (found.length > LOOKED_THROUGH) return found;
  }
  return found;
}

/** Everything above the locked and the hidden items, so that nothing of it can be moved away; outermost first, each before what is in it. */
export function withPins(items: readonly Item[]): Item[] {
  const all = new Map(items.map(item => [item.path, item]));
  for (const item of items) {
    for (let dir = posix.dirname(item.path); dir !== '.'; dir = posix.dirname(dir))
      if (!all.has(dir)) all.set(dir, { path: dir, action: 'pin', kind: 'dir' });
  }
  const depth = (path: string) => path.split('/').length;
  return [...all.values()].sort((a, b) => depth(a.path) - depth(b.path) || (a.path < b.path ? -1 : 1));
}
