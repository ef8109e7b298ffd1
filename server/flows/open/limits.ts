import type { EffectiveConfig } from '../../config/types.ts';
import type { InstanceFragment } from '../../incus/types.ts';
import { type Limits, limitsDisk, limitsFragment } from '../../slots/limits.ts';
import type { FlowDeps } from '../deps.ts';

/** The limits that the configuration sets, fit for the pool that the slot's disk will be on. Fails with `config`. */
export async function slotLimits(
  deps: FlowDeps,
  config: EffectiveConfig,
  signal: AbortSignal,
): Promise<InstanceFragment> {
  const limits = limitsOf(config);
  if (!limitsDisk(limits)) return limitsFragment(limits, undefined);
  const named = config.get('container.storage_pool');
  const pool = named === '' ? (await deps.incus.profile('default', signal))?.devices.root?.pool : named;
  return limitsFragment(limits, pool === undefined ? undefined : await deps.incus.pool(pool, signal));
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
