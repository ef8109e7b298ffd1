import { stat } from 'node:fs/promises';
import { Failure } from '../../base/errors.ts';
import { workspaceMounts } from '../mounts.ts';
import type { Workspace } from '../types.ts';
import { relativePath } from './beneath.ts';
import { deviceWay } from './devices.ts';
import { hookLines, hostName } from './hooks.ts';
import { lockItems, type Wish, withPins } from './items.ts';
import { readPlaceholders } from './placeholders.ts';
import { PROTECTED_KEY, PROTECTION_KEY, record } from './record.ts';
import { repositoryWishes } from './repository.ts';
import { secretItems } from './secrets.ts';
import { canFlag } from './support.ts';
import type { ProtectionLevel, ProtectionOptions, ProtectionPlan, Tree } from './types.ts';

/** Paths that stand for git's own directory, wherever it is. */
const GIT = '.git/';

/**
 * Plans how the protected and secret paths of a slot are held; changes nothing. Fails with `isolation` when what was asked
 * for cannot be had: it never becomes weaker by itself.
 */
export async function planProtection(ws: Workspace, o: ProtectionOptions): Promise<ProtectionPlan> {
  if (o.level === 'off') return nothing();
  const level = o.level === 'locked' && !o.immutable ? 'weak' : o.level;
  const flags = level === 'locked';
  const trees = await treesOf(ws, o, flags);
  if (trees.every(tree => tree.items.length === 0)) return nothing();
  const odd = trees.find(tree => `${tree.source}${tree.path}`.includes('\t'));
  if (odd !== undefined)
    throw new Failure('isolation', `${odd.source} has a tab in its path, so nothing in it can be protected.`, {
      hint: 'Rename the folder.',
    });
  if (flags) await requireLocking(ws, o);
  if (!o.hooks) return deviceWay(ws, trees, ((await o.others?.()) ?? []).flatMap(readPlaceholders));
  const instance = hostName(o.container, o.project ?? 'default');
  const owner = `${ws.uid}:${ws.gid}`;
  const refused = o.refused === undefined ? {} : { refused: o.refused };
  const lines = hookLines(trees, { instance, owner, flags, incusDir: o.incusDir ?? '/var/lib/incus', ...refused });
  return {
    effective: level,
    fragment: {
      config: { 'raw.lxc': lines, [PROTECTION_KEY]: level, [PROTECTED_KEY]: record(trees) },
    },
    recursive: true,
    ...shown(trees),
    prepare: async () => {},
    release: async () => {},
  };
}

/** What is asked of `paths`, without the exceptions and what lies below them. */
export function chosenPaths(paths: readonly string[], writable: readonly string[]): string[] {
  const free = writable.map(path => relativePath(path) ?? path);
  const chosen = paths.map(path => relativePath(path)).filter(path => path !== undefined);
  return [...new Set(chosen)].filter(path => !free.some(one => path === one || path.startsWith(`${one}/`)));
}

function nothing(): ProtectionPlan {
  return {
    effective: 'off' satisfies ProtectionLevel,
    fragment: { config: { [PROTECTION_KEY]: 'off' } },
    recursive: false,
    protectedPaths: [],
    secretPaths: [],
    prepare: async () => {},
    release: async () => {},
  };
}

async function requireLocking(ws: Workspace, o: ProtectionOptions): Promise<void> {
  const hint =
    'Set `[security] protection = "weak"` in your own configuration to open slots with the weaker protection.';
  if (!o.hooks) {
    const project = o.project ?? 'default';
    throw new Failure('isolation', `The Incus project ${project} does not allow what protected paths need (raw.lxc).`, {
      hint: `Use another project, or allow low-level options in it. ${hint}`,
    });
  }
  for (const path of [ws.real, ...(ws.git?.commonDir === undefined ? [] : [ws.git.commonDir])]) {
    if (await canFlag(path)) continue;
    throw new Failure('isolation', `Files of ${path} cannot be made immutable: its file system has no such flag.`, {
      hint: `Move it to a local disk. ${hint}`,
    });
  }
}

async function treesOf(ws: Workspace, o: ProtectionOptions, flags: boolean): Promise<Tree[]> {
  const chosen = chosenPaths(o.paths, o.writable);
  const inGit = chosen.filter(path => path.startsWith(GIT)).map(path => path.slice(GIT.length));
  const others: Wish[] = chosen.filter(path => !path.startsWith(GIT)).map(path => ({ path }));
  const repository = await repositoryWishes(ws, inGit);
  const secrets = await secretItems(ws.real, o.secrets);
  const hidden = new Set(secrets.map(item => item.path));
  const locked = await lockItems(ws.real, [...repository.workspace, ...others], flags);
  const items = withPins([...locked.filter(item => !hidden.has(item.path)), ...secrets]);
  const mounts = workspaceMounts(ws, o.preserve);
  const common = await lockItems(ws.git?.commonDir ?? ws.real, repository.common, flags);
  const wanted = await Promise.all(
    mounts.map(mount => treeOf(ws, mount, mount.device === 'workspace' ? items : withPins(common))),
  );
  return withExclude(wanted, repository.gitDir);
}

async function treeOf(
  ws: Workspace,
  mount: { device: string; source: string; path: string },
  items: Tree['items'],
): Promise<Tree> {
  const { ino } = await stat(mount.source, { bigint: true });
  return { ...mount, inode: String(ino), uid: ws.uid, gid: ws.gid, items };
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
