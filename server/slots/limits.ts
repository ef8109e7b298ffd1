import { Failure } from '../base/errors.ts';
import type { InstanceFragment, Pool } from '../incus/types.ts';

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

/** Whether anything is limited that belongs to the root disk, so that its pool has to be known. */
export function limitsDisk(limits: Limits): boolean {
  return [limits.diskSize, limits.diskRead, limits.diskWrite, limits.diskMax].some(value => value !== '');
}

/**
 * The limits as configuration and devices of an instance. `pool` is that of the root disk, needed when `limitsDisk`.
 * Fails with `config` for what the pool cannot enforce: a limit that does nothing would be worse than none.
 */
export function limitsFragment(limits: Limits, pool: Pool | undefined): InstanceFragment {
  const config = Object.fromEntries(Object.entries(configOf(limits)).filter(([, value]) => value !== ''));
  if (!limitsDisk(limits)) return { config };
  if (pool === undefined) throw new Failure('config', 'The storage pool of the root disk is not known to Incus.');
  if (limits.diskSize !== '' && !WITH_QUOTA.has(pool.driver)) {
    throw new Failure('config', `The storage pool ${pool.name} (${pool.driver}) cannot limit the size of a disk.`, {
      hint: 'Use a pool on btrfs, zfs or lvm, or remove limits.disk.size.',
    });
  }
  const speeds = { 'limits.read': limits.diskRead, 'limits.write': limits.diskWrite, 'limits.max': limits.diskMax };
  const wanted = Object.entries({ size: limits.diskSize, ...speeds }).filter(([, value]) => value !== '');
  return { config, devices: { root: { type: 'disk', path: '/', pool: pool.name, ...Object.fromEntries(wanted) } } };
}

function configOf(limits: Limits): Record<string, string> {
  const limited = limits.memory !== '';
  return {
    'limits.cpu': limits.cpuCount,
    'limits.cpu.allowance': limits.cpuAllowance,
    'limits.cpu.priority': limits.cpuPriority === 0 ? '' : String(limits.cpuPriority),
    'limits.memory': limits.memory,
    'limits.memory.enforce': limited ? limits.memoryEnforce : '',
    'limits.memory.swap': limited ? limits.memorySwap : '',
    'limits.processes': limits.processes === 0 ? '' : String(limits.processes),
    'limits.disk.priority': limits.diskPriority === 0 ? '' : String(limits.diskPriority),
    'raw.lxc':
      limits.tmpSize === ''
        ? ''
        : `lxc.mount.entry = tmpfs tmp tmpfs rw,nosuid,nodev,mode=1777,size=${bytes(limits.tmpSize)} 0 0`,
  };
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** The kernel's tmpfs takes bytes. */
function bytes(size: string): number {
  const match = /^(\d+)\s*([kMGT]?i?)B?$/i.exec(size);
  const unit = UNITS[match?.[2] ?? ''] ?? UNITS[(match?.[2] ?? '').replace('K', 'k')];
  if (match === null || unit === undefined) {
    throw new Failure('config', `${JSON.stringify(size)} is not a size.`, { hint: 'Write it like 2GiB.' });
  }
  return Number(match[1]) * unit;
}

/** Keys that may be changed while a slot runs, with what they may hold; the others would silently wait for the next start. */
const LIVE: Readonly<Record<string, RegExp>> = {
  'limits.cpu': /^(\d{1,4}|\d{1,4}-\d{1,4}|\d{1,4}(,\d{1,4})+)$/,
  'limits.cpu.allowance': /^(\d{1,3}%|\d+ms\/\d+ms)$/,
  'limits.cpu.priority': /^(10|\d)$/,
  'limits.memory': /^(\d+\s*([kMGT]i?B|B)|\d{1,3}%)$/,
  'limits.memory.enforce': /^(hard|soft)$/,
  'limits.memory.swap': /^(true|false|\d+\s*([kMGT]i?B|B))$/,
  'limits.processes': /^\d{1,7}$/,
};

/** Checks limits that are to be changed live; an empty value removes one. Fails with `invalid`. */
export function checkLiveLimits(limits: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(limits)) {
    const allowed = LIVE[key];
    if (allowed === undefined) {
      throw new Failure('invalid', `${JSON.stringify(key)} is not a limit that can be changed while a slot runs.`, {
        hint: `These can: ${Object.keys(LIVE).join(', ')}.`,
      });
    }
    if (value !== '' && !allowed.test(value)) {
      throw new Failure('invalid', `${JSON.stringify(value)} is not a value for ${key}.`);
    }
  }
}
