import { Failure } from '../../base/errors.ts';
import type { Devices } from '../../incus/types.ts';
import type { Workspace } from '../types.ts';
import { absentOf, makePlaceholder, type Placeholder, removePlaceholder, writePlaceholders } from './placeholders.ts';
import { PLACEHOLDERS_KEY, PROTECTED_KEY, PROTECTION_KEY, record } from './record.ts';
import type { ProtectionPlan, Tree } from './types.ts';

/**
 * The weaker way, as coi has it: a read-only disk device over each path. Root inside can unmount these and anybody can
 * move what lies above, so it only stands against accidents. Nothing can be hidden by it. `inherited`: placeholders of other slots of the
 * workspace, which whoever goes last takes away.
 */
export async function deviceWay(
  ws: Workspace,
  trees: readonly Tree[],
  inherited: readonly Placeholder[],
): Promise<ProtectionPlan> {
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
  const absent = await absentOf(held);
  const made: Placeholder[] = [];
  const paths = held.flatMap(tree =>
    tree.items.map(item => (tree.device === 'workspace' ? item.path : `${tree.path}/${item.path}`)),
  );
  return {
    effective: 'weak',
    fragment: {
      config: {
        [PROTECTION_KEY]: 'weak',
        [PROTECTED_KEY]: record(held),
        [PLACEHOLDERS_KEY]: writePlaceholders([...inherited, ...absent]),
      },
      devices: devicesOf(held),
    },
    recursive: false,
    protectedPaths: paths,
    secretPaths: [],
    prepare: async () => {
      for (const one of absent) if (await makePlaceholder(one, ws)) made.push(one);
    },
    release: async () => {
      for (const one of made.splice(0).reverse()) await removePlaceholder(one);
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
