import { readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { guardLine } from '../mount-guard.ts';
import { workspaceMounts } from '../mounts.ts';
import type { Workspace } from '../types.ts';
import { lookBeneath, relativePath } from './beneath.ts';
import { compileGlobs } from './glob.ts';
import { hookLines, hostName } from './hooks.ts';
import { lockItems, type Wish, withPins } from './items.ts';
import { PROTECTED_KEY, PROTECTION_KEY, record } from './record.ts';
import { repositoryWishes } from './repository.ts';
import { secretItems } from './secrets.ts';
import { canFlag } from './support.ts';
import type { ProtectionLevel, ProtectionOptions, ProtectionPlan, Tree } from './types.ts';

/** Paths that stand for git's own directory, wherever it is. */
const GIT = '.git/';
/** Whoever can make the second makes git read another one than the first. */
const CONFIG = '.git/config';
const LINK = '.git/commondir';
/** An empty one of these would keep coi from starting. */
const ONLY_WHERE_THERE: ReadonlySet<string> = new Set(['.coi.toml']);
const INCUS = '/var/lib/incus';

/**
 * Plans how the protected and secret paths of a slot are held; changes nothing. Fails with `isolation` when what was asked
 * for cannot be had: it never becomes weaker by itself.
 */
export async function planProtection(ws: Workspace, o: ProtectionOptions): Promise<ProtectionPlan> {
  if (o.level === 'off') return nothing(ws, o);
  const level = o.level === 'locked' && !o.immutable ? 'weak' : o.level;
  const flags = level === 'locked';
  const trees = await treesOf(ws, o, flags);
  if (trees.every(tree => tree.items.length === 0)) return nothing(ws, o);
  const odd = trees.find(tree => `${tree.source}${tree.path}`.includes('\t'));
  if (odd !== undefined)
    throw new Failure('isolation', `${odd.source} has a tab in its path, so nothing in it can be protected.`, {
      hint: 'Rename the folder.',
    });
  requireHooks(o);
  if (flags) await requireFlags(ws);
  const instance = hostName(o.container, o.project ?? 'default');
  const owner = `${ws.uid}:${ws.gid}`;
  const refused = o.refused === undefined ? {} : { refused: o.refused };
  const lines = hookLines(trees, { instance, owner, flags, incusDir: o.incusDir ?? INCUS, ...refused });
  return {
    effective: level,
    fragment: {
      config: { 'raw.lxc': lines, [PROTECTION_KEY]: level, [PROTECTED_KEY]: record(trees) },
    },
    recursive: true,
    ...shown(trees),
  };
}

/** What a repository is found to need, without the exceptions. */
function withoutExceptions(wishes: readonly Wish[], writable: readonly string[]): Wish[] {
  const paths = new Set(
    chosenPaths(
      wishes.map(wish => wish.path),
      writable,
    ),
  );
  return wishes.filter(wish => paths.has(wish.path));
}

/** What is asked of `paths`, without the exceptions and what lies below them. */
export function chosenPaths(paths: readonly string[], writable: readonly string[]): string[] {
  const free = writable.map(path => relativePath(path) ?? path);
  const chosen = paths.map(path => relativePath(path)).filter(path => path !== undefined);
  return [...new Set(chosen)].filter(path => !free.some(one => path === one || path.startsWith(`${one}/`)));
}

/** Nothing is held but the workspace itself to what was looked at, which the hooks of the other levels do besides. */
function nothing(ws: Workspace, o: ProtectionOptions): ProtectionPlan {
  const config = { [PROTECTION_KEY]: 'off' satisfies ProtectionLevel };
  const guard = o.hooks ? { 'raw.lxc': guardOf(ws, o) } : {};
  return {
    effective: 'off',
    fragment: { config: { ...guard, ...config } },
    recursive: false,
    protectedPaths: [],
    secretPaths: [],
  };
}

function guardOf(ws: Workspace, o: ProtectionOptions): string {
  const mounts = workspaceMounts(ws, o.preserve).map(mount => ({ ...mount, identity: identityOf(ws, mount.device) }));
  const instance = hostName(o.container, o.project ?? 'default');
  const refused = o.refused === undefined ? {} : { refused: o.refused };
  return guardLine(mounts, { instance, incusDir: o.incusDir ?? INCUS, ...refused });
}

/**
 * Read-only devices instead, as coi has them, would be worse than nothing: root inside unmounts them, puts a link to anything of the user's
 * in the place of their source and reboots, and Incus mounts what the link leads to.
 */
function requireHooks(o: ProtectionOptions): void {
  if (o.hooks) return;
  const project = o.project ?? 'default';
  throw new Failure('isolation', `The Incus project ${project} does not allow what protected paths need (raw.lxc).`, {
    hint: 'Use another project, or allow low-level options in it. Set `[security] protection = "off"` in your own configuration to open slots in which no path is protected or hidden.',
  });
}

async function requireFlags(ws: Workspace): Promise<void> {
  for (const path of [ws.real, ...(ws.git?.commonDir === undefined ? [] : [ws.git.commonDir])]) {
    if (await canFlag(path)) continue;
    throw new Failure('isolation', `Files of ${path} cannot be made immutable: its file system has no such flag.`, {
      hint: 'Move it to a local disk. Set `[security] protection = "weak"` in your own configuration to open slots with the weaker protection.',
    });
  }
}

async function treesOf(ws: Workspace, o: ProtectionOptions, flags: boolean): Promise<Tree[]> {
  const chosen = chosenPaths(o.paths, o.writable);
  const inGit = chosenPaths(chosen.includes(CONFIG) ? [...chosen, LINK] : chosen, o.writable)
    .filter(path => path.startsWith(GIT))
    .map(path => path.slice(GIT.length));
  const others = await Promise.all(
    chosen.filter(path => !path.startsWith(GIT)).map(path => wishesFor(ws.real, path, o.writable)),
  );
  const found = await repositoryWishes(ws, inGit);
  const repository = { ...found, workspace: withoutExceptions(found.workspace, o.writable) };
  const secrets = await secretItems(ws.real, o.secrets);
  const hidden = new Set(secrets.map(item => item.path));
  const locked = await lockItems(ws.real, [...repository.workspace, ...others.flat()], flags);
  const items = withPins([...locked.filter(item => !hidden.has(item.path)), ...secrets]);
  const mounts = workspaceMounts(ws, o.preserve);
  const common = await lockItems(ws.git?.commonDir ?? ws.real, repository.common, flags);
  const wanted = mounts.map(mount => treeOf(ws, mount, mount.device === 'workspace' ? items : withPins(common)));
  return withExclude(wanted, repository.gitDir);
}

/** What a path of the configuration asks for: itself, or with a `*` in its last part what is there. */
async function wishesFor(root: string, path: string, writable: readonly string[]): Promise<Wish[]> {
  const directory = posix.dirname(path);
  if (!posix.basename(path).includes('*')) return [{ path, ...(ONLY_WHERE_THERE.has(path) ? { existing: true } : {}) }];
  if (directory !== '.' && (await lookBeneath(root, directory)).kind !== 'dir') return [];
  const matches = compileGlobs([posix.basename(path)]);
  const there = (await readdir(`${root}/${directory}`)).filter(matches).map(name => posix.join(directory, name));
  return chosenPaths(there, writable).map(found => ({ path: found, existing: true }));
}

function treeOf(ws: Workspace, mount: { device: string; source: string; path: string }, items: Tree['items']): Tree {
  return { ...mount, identity: identityOf(ws, mount.device), uid: ws.uid, gid: ws.gid, items };
}

/** What a mount of the workspace was when its path was followed, by links that no agent can make. */
function identityOf(ws: Workspace, device: string): string {
  return (device === 'workspace' ? ws.identity : ws.git?.commonIdentity) ?? '';
}

/** Placeholders that git would show are written into its list of ignored paths, in the last tree that has one. */
function withExclude(trees: Tree[], gitDir: string | undefined): Tree[] {
  if (!trees.some(tree => tree.items.some(item => item.visible === true))) return trees;
  return trees.map(tree => {
    const file =
      tree.device === 'workspace' ? (gitDir === undefined ? undefined : `${gitDir}/info/exclude`) : 'info/exclude';
    const reachable =
      file !== undefined && tree.items.some(item => file === `${item.path}/exclude` && item.action === 'pin');
    return reachable ? { ...tree, exclude: file } : tree;
  });
}

function shown(trees: readonly Tree[]): Pick<ProtectionPlan, 'protectedPaths' | 'secretPaths'> {
  const name = (tree: Tree, path: string) => (tree.device === 'workspace' ? path : `${tree.path}/${path}`);
  const of = (action: string) =>
    trees.flatMap(tree => tree.items.filter(item => item.action === action).map(item => name(tree, item.path)));
  return { protectedPaths: of('lock'), secretPaths: of('hide') };
}
