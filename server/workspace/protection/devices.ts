import { lstat, mkdir, open, rmdir, unlink } from 'node:fs/promises';
import { Failure } from '../../base/errors.ts';
import { readUntrusted } from '../../base/files.ts';
import type { Devices } from '../../incus/types.ts';
import type { Workspace } from '../types.ts';
import { lookBeneath } from './beneath.ts';
import { PROTECTED_KEY, PROTECTION_KEY, record } from './record.ts';
import type { Item, ProtectionPlan, Tree } from './types.ts';

/**
 * The weaker way, as coi has it: a read-only disk device over each path. Root inside can unmount these and anybody can
 * move what lies above, so it only stands against accidents. Nothing can be hidden by it.
 */
export function deviceWay(ws: Workspace, trees: readonly Tree[]): ProtectionPlan {
  const held = trees.map(tree => ({ ...tree, items: tree.items.filter(item => item.action === 'lock') }));
  if (trees.some(tree => tree.items.some(item => item.action === 'hide'))) {
    throw new Failure(
      'isolation',
      'Secret paths cannot be hidden in this Incus project, which does not allow raw.lxc.',
      {
        hint: 'Use another project, or empty `[security] secret_paths` in your own configuration.',
      },
    );
  }
  const made: { path: string; item: Item }[] = [];
  const paths = held.flatMap(tree =>
    tree.items.map(item => (tree.device === 'workspace' ? item.path : `${tree.path}/${item.path}`)),
  );
  return {
    effective: 'weak',
    fragment: { config: { [PROTECTION_KEY]: 'weak', [PROTECTED_KEY]: record(held) }, devices: devicesOf(held) },
    recursive: false,
    protectedPaths: paths,
    secretPaths: [],
    prepare: async () => {
      for (const tree of held) for (const item of tree.items) made.push(...(await place(ws, tree, item)));
    },
    release: async () => {
      for (const { path, item } of made.splice(0).reverse()) await remove(path, item);
    },
  };
}

function devicesOf(trees: readonly Tree[]): Devices {
  const devices: Devices = {};
  let count = 0;
  for (const tree of trees)
    for (const item of tree.items)
      devices[`protect-${count++}`] = {
        type: 'disk',
        source: `${tree.source}/${item.path}`,
        path: `${tree.path}/${item.path}`,
        readonly: 'true',
      };
  return devices;
}

/** Makes what does not exist, as the user: a device needs it. */
async function place(ws: Workspace, tree: Tree, item: Item): Promise<{ path: string; item: Item }[]> {
  const made: { path: string; item: Item }[] = [];
  const parts = item.path.split('/');
  for (let i = 1; i <= parts.length; i++) {
    const path = parts.slice(0, i).join('/');
    if ((await lookBeneath(tree.source, path)).kind !== 'absent') continue;
    const whole = `${tree.source}/${path}`;
    const isFile = i === parts.length && item.kind === 'file';
    if (!isFile) await mkdir(whole, { mode: 0o755 });
    const file = isFile ? await open(whole, 'wx', 0o644) : await open(whole, 'r');
    try {
      if (isFile && item.content === '{}') await file.writeFile('{}\n');
      if ((await file.stat()).uid !== ws.uid) await file.chown(ws.uid, ws.gid);
    } finally {
      await file.close();
    }
    made.push({ path: whole, item: isFile ? item : { ...item, kind: 'dir' } });
  }
  return made;
}

/** Removes a placeholder that nobody has put anything into. */
async function remove(path: string, item: Item): Promise<void> {
  try {
    if (item.kind === 'dir') return await rmdir(path);
    const content = (await lstat(path)).size <= 3 ? (await readUntrusted(path, 3))?.toString('utf8').trim() : undefined;
    if (content === item.content) await unlink(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}
