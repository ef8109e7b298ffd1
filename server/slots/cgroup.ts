import { readFile } from 'node:fs/promises';

const ROOT = '/sys/fs/cgroup';

/** Where the kernel accounts for a container: a directory per controller in version 1, one for all in version 2. */
export interface CgroupPlace {
  memory?: string;
  pids?: string;
  cpu?: string;
  cpuacct?: string;
  cpuset?: string;
  version: 1 | 2;
}

/** Limits and events of a container as the kernel has them. */
export interface CgroupView {
  memoryBytes?: number;
  processes?: number;
  /** How many there are now. */
  processesNow: number;
  /** As Incus writes it: milliseconds of processor time in a period. */
  cpuAllowance?: string;
  /** CPUs that it is pinned to. */
  cpus?: string;
  /** How often since its start the kernel killed a process for lack of memory. */
  oomKills: number;
  /** How often since its start a new process was refused. */
  refusedProcesses: number;
}

/** Finds the container's part of the tree, by the host's pid of its first process; undefined when it cannot be read. */
export async function cgroupPlace(pid: number): Promise<CgroupPlace | undefined> {
  const text = pid > 0 ? await readText(`/proc/${pid}/cgroup`) : undefined;
  if (text === undefined) return undefined;
  const found: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    // What is below that directory the container may arrange as it likes.
    const payload = /^.*?\/lxc\.payload\.[^/]+/.exec(path)?.[0];
    if (payload === undefined || payload.includes('/../')) continue;
    for (const controller of controllers.split(',')) found[controller] = payload;
  }
  const { memory, pids, cpu, cpuacct, cpuset } = found;
  if (memory === undefined && pids === undefined) {
    const path = found[''] === undefined ? undefined : `${ROOT}${found['']}`;
    return path === undefined ? undefined : { memory: path, pids: path, cpu: path, cpuset: path, version: 2 };
  }
  return {
    version: 1,
    ...(memory === undefined ? {} : { memory: `${ROOT}/memory${memory}` }),
    ...(pids === undefined ? {} : { pids: `${ROOT}/pids${pids}` }),
    ...(cpu === undefined ? {} : { cpu: `${ROOT}/cpu${cpu}` }),
    ...(cpuacct === undefined ? {} : { cpuacct: `${ROOT}/cpuacct${cpuacct}` }),
    ...(cpuset === undefined ? {} : { cpuset: `${ROOT}/cpuset${cpuset}` }),
  };
}

/** Reads limits and events; what cannot be read or is not limited is left out, and counts as no event. */
export async function readCgroup(place: CgroupPlace): Promise<CgroupView> {
  const old = place.version === 1;
  const [memory, processes, current, quota, period, cpus, allCpus, oom, refused] = await Promise.all([
    readIn(place.memory, old ? 'memory.limit_in_bytes' : 'memory.max'),
    readIn(place.pids, 'pids.max'),
    readIn(place.pids, 'pids.current'),
    readIn(place.cpu, old ? 'cpu.cfs_quota_us' : 'cpu.max'),
    old ? readIn(place.cpu, 'cpu.cfs_period_us') : undefined,
    readIn(place.cpuset, 'cpuset.cpus'),
    readText('/sys/devices/system/cpu/online'),
    readIn(place.memory, old ? 'memory.oom_control' : 'memory.events'),
    readIn(place.pids, 'pids.events'),
  ]);
  const allowance = allowanceOf(quota, period);
  const pinned = cpus?.trim() || undefined;
  return {
    ...limit('memoryBytes', memory),
    ...limit('processes', processes),
    ...(allowance === undefined ? {} : { cpuAllowance: allowance }),
    ...(pinned === undefined || pinned === allCpus?.trim() ? {} : { cpus: pinned }),
    processesNow: Number(current?.trim() ?? 0),
    oomKills: eventOf(oom, 'oom_kill'),
    refusedProcesses: eventOf(refused, 'max'),
  };
}

/** Whether the kernel has ended or refused something since `before`. */
export function hasMoreEvents(now: CgroupView, before: CgroupView): boolean {
  return now.oomKills > before.oomKills || now.refusedProcesses > before.refusedProcesses;
}

/** What a container has used and has: two small reads. Undefined where the kernel does not tell us. */
export async function readActivity(place: CgroupPlace): Promise<{ cpuMs: number; processes: number } | undefined> {
  const old = place.version === 1;
  const [cpu, processes] = await Promise.all([
    old ? readIn(place.cpuacct, 'cpuacct.usage') : readIn(place.cpu, 'cpu.stat'),
    readIn(place.pids, 'pids.current'),
  ]);
  const cpuMs = old ? Number(cpu ?? Number.NaN) / 1e6 : Number(/^usage_usec (\d+)$/m.exec(cpu ?? '')?.[1]) / 1e3;
  const now = Number(processes ?? Number.NaN);
  return Number.isFinite(cpuMs) && Number.isFinite(now) ? { cpuMs, processes: now } : undefined;
}

/** Version 1 writes "no limit" as the largest multiple of a page. */
const NO_LIMIT = 2 ** 62;

function limit<K extends string>(key: K, text: string | undefined): { [P in K]?: number } {
  const value = Number(text?.trim() || 'max');
  return Number.isFinite(value) && value < NO_LIMIT ? ({ [key]: value } as { [P in K]?: number }) : {};
}

/** `quota` alone in microseconds with its period (version 1), or both in one line (version 2). */
function allowanceOf(quota: string | undefined, period: string | undefined): string | undefined {
  const [first = '', second = ''] = `${quota?.trim() ?? ''} ${period?.trim() ?? ''}`.split(' ');
  const micros = Number(first);
  return micros > 0 && Number(second) > 0 ? `${micros / 1000}ms/${Number(second) / 1000}ms` : undefined;
}

function eventOf(text: string | undefined, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? 0);
}

async function readIn(directory: string | undefined, file: string): Promise<string | undefined> {
  return directory === undefined ? undefined : readText(`${directory}/${file}`);
}

/** Undefined for what is not there or not for us: every reader has another way to know, or leaves it out. */
async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
