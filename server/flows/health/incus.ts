import { rootDisk } from '../../incus/storage.ts';
import type { Pool } from '../../incus/types/storage.ts';
import type { UnavailableReason } from '../../protocol/types.ts';
import { accountingOff, accountsForSizes } from '../../slots/quota.ts';
import { effectiveConfig } from '../effective.ts';
import type { Check, Finding } from './check.ts';

/** Bytes below which a pool is called nearly full. */
const LOW_SPACE = 2 * 1024 ** 3;
const COPY_ON_WRITE: ReadonlySet<string> = new Set(['btrfs', 'zfs', 'lvm', 'ceph']);

/** Whether the daemon answers and may be used. */
export const daemon: Check = {
  id: 'incus.daemon',
  group: 'incus',
  needsIncus: false,
  async run(deps) {
    const state = await deps.incus.availability();
    if (state.status === 'ready') return { status: 'ok', message: `Incus ${state.version ?? ''} answers.` };
    const { reason, fix: command, message = 'Incus cannot be used.' } = state;
    const title = reason && FIXES[reason];
    return { status: 'failed', message, ...(title && command !== undefined ? { fix: { title, command } } : {}) };
  },
};

/** What the command is called that mends a reason why Incus cannot be used. */
const FIXES: Partial<Readonly<Record<UnavailableReason, string>>> = {
  'not-installed': 'Install Incus',
  'not-running': 'Start Incus',
  'no-permission': 'Join the Group',
  'not-initialised': 'Set Up Incus',
  'no-project': 'Create the Project',
  'no-disk': 'Give Containers a Disk',
};

/** Creating from an image takes seconds on a pool that copies, and a tenth of one on a pool that does not. */
export const pool: Check = {
  id: 'storage.pool',
  group: 'storage',
  needsIncus: true,
  async run(deps, context) {
    const { signal } = context;
    const named = (await effectiveConfig(deps, deps.home, context)).get('container.storage_pool');
    const name = named || rootDisk(await deps.incus.profile('default', signal))?.pool;
    const found = name === undefined ? undefined : await deps.incus.pool(name, signal);
    if (found === undefined) return missing(named);
    const { space } = await deps.incus.poolResources(found.name, signal);
    const free = space === undefined ? undefined : space.total - space.used;
    if (free !== undefined && free < LOW_SPACE) {
      const mib = Math.round(free / 1024 ** 2);
      return {
        status: 'warning',
        message: `The storage pool ${found.name} has only ${mib} MiB left.`,
        fix: { title: 'Delete slots and images that you do not need, or make the pool larger' },
      };
    }
    if (await accountsForSizes(found)) return slowedDown(found);
    return COPY_ON_WRITE.has(found.driver)
      ? { status: 'ok', message: `The storage pool ${found.name} (${found.driver}) copies on write.` }
      : {
          status: 'warning',
          message: `The storage pool ${found.name} (${found.driver}) unpacks the image for every slot, which is slow.`,
          detail: `A btrfs or zfs pool makes opening a slot ten times faster. ${USE}`,
          fix:
            (await deps.incus.pool(POOL, signal)) === undefined
              ? { title: 'Create a btrfs pool, then have new slots use it', command: create(POOL) }
              : { title: `Have new slots use the pool ${POOL}: storage_pool = "${POOL}" below [container]` },
        };
  },
};

/** The pool that is made for slots, and how they come to use it. */
const POOL = 'agents';
const USE = `New slots use it with \`storage_pool = "${POOL}"\` below \`[container]\` in ~/.coi/config.toml, or by the setting \`incusAgents.storagePool\`; those that are there stay where they are.`;
const create = (pool: string): string => `incus storage create ${pool} btrfs size=50GiB`;

function missing(named: string): Finding {
  if (named === '')
    return {
      status: 'failed',
      message: 'The default profile has no root disk.',
      fix: { title: 'Add a root disk to it, or name a pool: storage_pool below [container] in ~/.coi/config.toml' },
    };
  const message = `The storage pool ${named}, which new slots are to use ([container] storage_pool), does not exist.`;
  return { status: 'failed', message, fix: { title: 'Create it', command: create(named) } };
}

/** A pool that copies on write and is slow all the same. */
function slowedDown({ name }: Pool): Finding {
  return {
    status: 'warning',
    message: `The storage pool ${name} (btrfs) accounts for the sizes of its disks, which makes opening and deleting slots several times slower.`,
    detail:
      'It began when a disk was given a size (`[limits.disk] size`), and goes on when that disk is gone. Turned off, no size on this pool holds. Slots with sizes are better kept on a pool of their own (`[container] storage_pool`).',
    fix: { title: 'Turn it off', command: accountingOff(name) },
  };
}
