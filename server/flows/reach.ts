import { readFile } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';
import type { Instance } from '../incus/types/instance.ts';
import type { SlotReach } from '../protocol/methods.ts';
import { forwardsOf } from '../sharing/forwards.ts';
import { cgroupPlace, readCgroup } from '../slots/cgroup.ts';
import { type HostParts, hostParts } from '../slots/mount-table.ts';
import { quotaHolds } from '../slots/quota.ts';
import { verifyProtection } from '../workspace/protection/verify.ts';
import type { FlowDeps } from './deps.ts';
import { type OwnedSlot, ownedSlot } from './owned.ts';
import { networkReach } from './reach-network.ts';

/**
 * What a running slot can reach, looked up from the host and not repeated from the configuration, so that what somebody
 * changed with other programs shows. A backend that may not look into the container's process says so in `verified`.
 * Fails with `conflict` when the slot does not run.
 */
export async function slotReach(deps: FlowDeps, name: string, signal: AbortSignal): Promise<SlotReach> {
  const slot = await ownedSlot(deps, name, signal);
  if (!slot.instance.running && !slot.instance.frozen) {
    throw new Failure('conflict', `The container ${name} is stopped, so it reaches nothing.`, {
      hint: 'Start the slot first.',
    });
  }
  const { pid } = await deps.incus.instanceState(name, signal);
  const [parts, limits, ranges, protection, network, forwards] = await Promise.all([
    partsOf(pid),
    limitsNow(deps, slot.instance, pid, signal),
    idRanges(pid),
    protectionNow(deps, slot, signal),
    networkReach(deps, slot, signal),
    forwardsOf(slot.instance.expandedDevices, pid),
  ]);
  const seen = parts ?? configured(slot.instance);
  const { expandedConfig } = slot.instance;
  return {
    mounts: seen.mounts,
    network,
    limits: { ...limits, ...(seen.tmpBytes === undefined ? {} : { 'tmpfs /tmp': sizeText(seen.tmpBytes) }) },
    shared: slot.identity.shared,
    forwards,
    protection,
    verified: parts !== undefined,
    devices: seen.devices,
    guestApi: seen.guestApi,
    privileged: ranges.some(one => one.inside === 0 && one.outside === 0) || isTrue(expandedConfig, 'privileged'),
    nesting: isTrue(expandedConfig, 'nesting'),
    ids: { isolated: isTrue(expandedConfig, 'idmap.isolated'), ranges },
  };
}

/** Undefined where the kernel lets only root look. */
async function partsOf(pid: number): Promise<HostParts | undefined> {
  try {
    const [inside, outside] = await Promise.all([
      readFile(`/proc/${pid}/mountinfo`, 'utf8'),
      readFile('/proc/self/mountinfo', 'utf8'),
    ]);
    return inside === '' ? undefined : hostParts(inside, outside);
  } catch {
    return undefined;
  }
}

/** The same from the devices of the container, for a backend that may not look at the mounts. */
function configured(instance: Instance): HostParts {
  const devices = Object.values(instance.expandedDevices);
  return {
    mounts: devices
      .filter(device => device.type === 'disk' && device.path !== '/')
      .map(device => ({
        source: device.source ?? '',
        path: device.path ?? '',
        readonly: device.readonly === 'true',
      }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    devices: devices
      .filter(({ type }) => type !== 'disk' && type !== 'nic' && type !== 'proxy' && type !== 'none')
      .map(device => device.path ?? device.connect ?? device.type ?? ''),
    guestApi: instance.expandedConfig['security.guestapi'] !== 'false',
  };
}

/** The limits of the kernel over those that Incus was told; those of the disk only Incus knows. */
async function limitsNow(
  deps: FlowDeps,
  instance: Instance,
  pid: number,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const told = Object.fromEntries(
    Object.entries(instance.expandedConfig).filter(([key, value]) => key.startsWith('limits.') && value !== ''),
  );
  const place = await cgroupPlace(pid);
  const kernel = place === undefined ? undefined : await readCgroup(place);
  const root = instance.expandedDevices.root ?? {};
  const disk = Object.entries(root).filter(([key]) => key === 'size' || /^limits\.(read|write|max)$/.test(key));
  return {
    ...told,
    ...(kernel?.memoryBytes === undefined ? {} : { 'limits.memory': sizeText(kernel.memoryBytes) }),
    ...(kernel?.processes === undefined ? {} : { 'limits.processes': String(kernel.processes) }),
    ...(kernel?.cpus === undefined ? {} : { 'limits.cpu': kernel.cpus }),
    ...(kernel?.cpuAllowance === undefined ? {} : { 'limits.cpu.allowance': kernel.cpuAllowance }),
    ...Object.fromEntries(disk.map(([key, value]) => [`root ${key}`, value])),
    ...(root.size === undefined || (await sizeHolds(deps, root.pool, signal)) ? {} : { 'root size': NOT_IN_FORCE }),
  };
}

const NOT_IN_FORCE = 'not in force: the storage pool has lost track of what its disks use';

async function sizeHolds(deps: FlowDeps, name: string | undefined, signal: AbortSignal): Promise<boolean> {
  const pool = name === undefined ? undefined : await deps.incus.pool(name, signal);
  return pool === undefined || quotaHolds(pool);
}

/** The mapping of users as the kernel has it; empty where it cannot be read. */
async function idRanges(pid: number): Promise<NonNullable<SlotReach['ids']>['ranges']> {
  const text = await readFile(`/proc/${pid}/uid_map`, 'utf8').catch(() => '');
  return text.split('\n').flatMap(line => {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
    return inside === undefined || outside === undefined || count === undefined ? [] : [{ inside, outside, count }];
  });
}

/** Looks at every protected path, and tells the row when one has been lost. */
async function protectionNow(
  deps: FlowDeps,
  { name }: OwnedSlot,
  signal: AbortSignal,
): Promise<SlotReach['protection']> {
  const { state, paths } = await verifyProtection(deps.incus, name, signal);
  if (state !== 'unknown') deps.board.note(name, { protection: state });
  return paths.map(({ path, mount, action, state }) => ({ path, mount, action, state }));
}

function isTrue(config: Readonly<Record<string, string>>, key: string): boolean {
  return config[`security.${key}`] === 'true';
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes in the largest unit in which they are whole, as Incus takes it. */
function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && value % 1024 === 0 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value}${UNITS[unit]}`;
}
