import { secondsOf } from '../../config/magnitude.ts';
import type { EffectiveConfig } from '../../config/types.ts';
import { rootDisk } from '../../incus/storage.ts';
import type { InstanceFragment } from '../../incus/types/config.ts';
import type { Instance } from '../../incus/types/instance.ts';
import type { Pool } from '../../incus/types/storage.ts';
import { DEADLINE_KEY, writeDeadline } from '../../slots/deadline.ts';
import { kernelSupport } from '../../slots/kernel.ts';
import { type Limits, limitsDisk, limitsFragment } from '../../slots/limits.ts';
import { quotaHolds, quotaRepair } from '../../slots/quota.ts';
import type { FlowDeps } from '../deps.ts';
import { gracefulSeconds } from '../stop-seconds.ts';

/**
 * The limits that the configuration sets, and the pool of a new container's disk. `present` is the container that is there already: its
 * disk stays in its pool, for which the limits have to be fit. Fails with `config`.
 */
export async function slotLimits(
  deps: FlowDeps,
  config: EffectiveConfig,
  present: Pick<Instance, 'expandedDevices'> | undefined,
  signal: AbortSignal,
): Promise<InstanceFragment> {
  const limits = limitsOf(config);
  const [kernel, pool] = await Promise.all([
    kernelSupport(),
    limitsDisk(limits) ? poolOf(deps, config, present, signal) : undefined,
  ]);
  if (pool !== undefined && limits.diskSize !== '') await warnOfQuota(deps, pool);
  const named = present === undefined ? config.get('container.storage_pool') : '';
  const { config: keys, devices } = limitsFragment(limits, pool, kernel);
  return {
    config: { ...keys, [DEADLINE_KEY]: deadlineOf(config) },
    devices: { ...(named === '' ? {} : { root: { type: 'disk', path: '/', pool: named } }), ...devices },
  };
}

/** The slot opens all the same: the next count may be right again, and work must not wait for root. */
async function warnOfQuota(deps: FlowDeps, pool: Pool): Promise<void> {
  if (await quotaHolds(pool)) return;
  const text = `limits.disk.size is not in force: the storage pool ${pool.name} has lost track of what its disks use.`;
  deps.message('warning', `${text} To mend it: ${quotaRepair(pool.name)}`);
}

async function poolOf(
  deps: FlowDeps,
  config: EffectiveConfig,
  present: Pick<Instance, 'expandedDevices'> | undefined,
  signal: AbortSignal,
): Promise<Pool | undefined> {
  const named = present === undefined ? config.get('container.storage_pool') : '';
  const devices = present?.expandedDevices;
  const pool =
    named || rootDisk(devices === undefined ? await deps.incus.profile('default', signal) : { devices })?.pool;
  return pool === undefined ? undefined : deps.incus.pool(pool, signal);
}

/** Counted from now on, which is when the session begins; empty for no end. */
function deadlineOf(config: EffectiveConfig): string {
  const seconds = secondsOf(config.get('limits.runtime.max_duration')) ?? 0;
  if (seconds <= 0) return '';
  const graceful = config.get('limits.runtime.stop_graceful') ? gracefulSeconds(config) : 0;
  const stop = config.get('limits.runtime.auto_stop') ? graceful : undefined;
  return writeDeadline({ at: Date.now() + seconds * 1000, stop });
}

function limitsOf(config: EffectiveConfig): Limits {
  return {
    cpuCount: config.get('limits.cpu.count'),
    cpuAllowance: config.get('limits.cpu.allowance'),
    cpuPriority: config.get('limits.cpu.priority'),
    memory: config.get('limits.memory.limit'),
    memoryEnforce: config.get('limits.memory.enforce'),
    memorySwap: config.get('limits.memory.swap'),
    processes: config.get('limits.runtime.max_processes'),
    diskSize: config.get('limits.disk.size'),
    diskRead: config.get('limits.disk.read'),
    diskWrite: config.get('limits.disk.write'),
    diskMax: config.get('limits.disk.max'),
    diskPriority: config.get('limits.disk.priority'),
    tmpSize: config.get('limits.disk.tmpfs_size'),
  };
}
