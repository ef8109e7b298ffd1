import { Failure } from '../base/errors.ts';
import type { Devices, InstanceFragment } from '../incus/types/config.ts';
import type { Pool } from '../incus/types/storage.ts';
import type { KernelSupport } from './kernel.ts';

/** What a slot may use, in coi's words. An empty text, and 0, mean "no limit". */
export interface Limits {
  cpuCount: string;
  cpuAllowance: string;
  cpuPriority: number;
  memory: string;
  memoryEnforce: 'hard' | 'soft';
  memorySwap: string;
  processes: number;
  diskSize: string;
  diskRead: string;
  diskWrite: string;
  diskMax: string;
  diskPriority: number;
  /** Size of /tmp when it is to lie in memory. */
  tmpSize: string;
}

/** Pools on which the size of a root disk is enforced. */
const WITH_QUOTA: ReadonlySet<string> = new Set(['btrfs', 'zfs', 'lvm', 'ceph']);

/** The options of a root disk that are limits. */
const DISK_OPTIONS: ReadonlySet<string> = new Set(['size', 'limits.read', 'limits.write', 'limits.max']);

/** Devices without what an earlier start limited of the disk. */
export function withoutDiskLimits(devices: Devices): Devices {
  const stripped = Object.entries(devices).map(([name, device]): [string, Devices[string]] => {
    if (device.type !== 'disk' || device.path !== '/') return [name, device];
    return [name, Object.fromEntries(Object.entries(device).filter(([option]) => !DISK_OPTIONS.has(option)))];
  });
  return Object.fromEntries(stripped);
}

/** Whether anything is limited that belongs to the root disk, so that its pool has to be known. */
export function limitsDisk(limits: Limits): boolean {
  return [limits.diskSize, limits.diskRead, limits.diskWrite, limits.diskMax].some(value => value !== '');
}

/**
 * The limits as configuration and devices of an instance; what is not limited has the empty value, so that a container which is
 * used again loses a limit that is configured no more. From its disk `withoutDiskLimits` takes them. `pool` is that of the root disk, needed when `limitsDisk`.
 * Fails with `config` for what the pool or the kernel cannot enforce: a limit that does nothing would be worse than none.
 */
export function limitsFragment(limits: Limits, pool: Pool | undefined, kernel: KernelSupport): InstanceFragment {
  requireKernel(limits, kernel);
  const config = configOf(limits);
  if (!limitsDisk(limits)) return { config };
  if (pool === undefined) throw new Failure('config', 'The storage pool of the root disk is not known to Incus.');
  if (limits.diskSize !== '' && !WITH_QUOTA.has(pool.driver)) {
    throw new Failure('config', `The storage pool ${pool.name} (${pool.driver}) cannot limit the size of a disk.`, {
      hint: 'Use a pool on btrfs, zfs or lvm, or remove limits.disk.size.',
    });
  }
  const wanted = Object.entries({ size: limits.diskSize, ...speedsOf(limits) }).filter(([, value]) => value !== '');
  return { config, devices: { root: { type: 'disk', path: '/', pool: pool.name, ...Object.fromEntries(wanted) } } };
}

/**
 * The rates of the disk. Incus lets the one for both replace the other two; the tighter one has to hold, since a project may set one
 * and the user the other.
 */
function speedsOf({ diskRead, diskWrite, diskMax }: Limits): Record<string, string> {
  if (diskMax === '' || (diskRead === '' && diskWrite === ''))
    return { 'limits.read': diskRead, 'limits.write': diskWrite, 'limits.max': diskMax };
  return {
    'limits.read': tighter('limits.disk.read', diskRead, diskMax),
    'limits.write': tighter('limits.disk.write', diskWrite, diskMax),
  };
}

function tighter(key: string, rate: string, max: string): string {
  if (rate === '') return max;
  const [one, other] = [rate, max].map(said => ({
    iops: said.endsWith('iops'),
    amount: said.endsWith('iops') ? Number(said.slice(0, -'iops'.length)) : bytes(said),
  }));
  if (one === undefined || other === undefined || one.iops !== other.iops) {
    throw new Failure(
      'config',
      `${key} and limits.disk.max cannot both hold: one counts bytes, the other operations.`,
      {
        hint: 'Give both in the same unit, or only one of them.',
      },
    );
  }
  return one.amount <= other.amount ? rate : max;
}

/** What needs a controller of the kernel, by the controller's name. */
function requireKernel(limits: Limits, kernel: KernelSupport): void {
  const needed: [key: string, controller: string, wanted: boolean][] = [
    ['limits.memory.limit', 'memory', limits.memory !== ''],
    ['limits.runtime.max_processes', 'pids', limits.processes !== 0],
    ['limits.cpu.allowance', 'cpu', limits.cpuAllowance !== '' || limits.cpuPriority !== 0],
    ['limits.cpu.count', 'cpuset', limits.cpuCount !== ''],
    ['limits.disk.priority', 'weights of disks', limits.diskPriority !== 0],
  ];
  const missing = needed.find(([, controller, wanted]) => wanted && !kernel.has(controller));
  if (missing !== undefined) {
    throw new Failure('config', `The kernel cannot hold ${missing[0]}: it has no control group for ${missing[1]}.`, {
      hint: `Remove ${missing[0]}, or give the kernel that controller.`,
    });
  }
  const last = Math.max(-1, ...(/[,-]/.test(limits.cpuCount) ? limits.cpuCount.split(/[,-]/).map(Number) : []));
  if (last >= kernel.cpus) {
    throw new Failure('config', `limits.cpu.count names CPU ${last}, but the host has ${kernel.cpus} (from 0).`, {
      hint: 'Name CPUs that exist, or say only how many.',
    });
  }
}

function configOf(limits: Limits): Record<string, string> {
  const limited = limits.memory !== '';
  return {
    'limits.cpu': limits.cpuCount,
    'limits.cpu.allowance': limits.cpuAllowance,
    'limits.cpu.priority': limits.cpuPriority === 0 ? '' : String(limits.cpuPriority),
    'limits.memory': limits.memory,
    'limits.memory.enforce': limited ? limits.memoryEnforce : '',
    // It may swap unless it is told otherwise; restricted projects forbid the key.
    'limits.memory.swap': limited && limits.memorySwap !== 'true' ? limits.memorySwap : '',
    'limits.processes': limits.processes === 0 ? '' : String(limits.processes),
    'limits.disk.priority': limits.diskPriority === 0 ? '' : String(limits.diskPriority),
    ...(limits.tmpSize === '' ? {} : { 'raw.lxc': tmpEntry(limits.tmpSize) }),
  };
}

/** A /tmp in memory, of that size. */
function tmpEntry(size: string): string {
  return `lxc.mount.entry = tmpfs tmp tmpfs rw,nosuid,nodev,mode=1777,size=${bytes(size)} 0 0`;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** The kernel's tmpfs takes bytes. */
function bytes(size: string): number {
  const match = /^(\d+)\s*([kMGTP]?i?)B?$/i.exec(size);
  const unit = UNITS[match?.[2] ?? ''] ?? UNITS[(match?.[2] ?? '').replace('K', 'k')];
  if (match === null || unit === undefined) {
    throw new Failure('config', `${JSON.stringify(size)} is not a size.`, { hint: 'Write it like 2GiB.' });
  }
  return Number(match[1]) * unit;
}
