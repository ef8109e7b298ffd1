import { readdir, readFile } from 'node:fs/promises';
import type { Devices } from '../incus/types/config.ts';

/** A way between this computer and a slot: what comes in at `listen` goes on to `connect`. */
export interface Forward {
  /** As Incus writes addresses: `tcp:127.0.0.1:8080`, `unix:/run/socket`. */
  listen: string;
  connect: string;
  /** On which side it listens. */
  at: 'host' | 'inside';
  /** Whether the process that carries it was seen. */
  running: boolean;
  /** Whether a device of the container says it; one that does not was left behind, or is somebody else's. */
  configured: boolean;
}

/** The ways that there are for a container whose first process is `pid`: the configured ones, and those that the host's processes show. */
export async function forwardsOf(devices: Devices, pid: number): Promise<Forward[]> {
  const found = await runningForwards(pid);
  const same = (one: Way) => (other: Way) =>
    one.listen === other.listen && one.connect === other.connect && one.at === other.at;
  const configured = Object.values(devices)
    .filter(device => device.type === 'proxy')
    .map(wayOf);
  return [
    ...configured.map(one => ({ ...one, running: found.some(same(one)), configured: true })),
    ...found.filter(one => !configured.some(same(one))).map(one => ({ ...one, running: true, configured: false })),
  ];
}

type Way = Pick<Forward, 'listen' | 'connect' | 'at'>;

function wayOf({ listen = '', connect = '', bind = 'host' }: Readonly<Record<string, string>>): Way {
  return { listen, connect, at: bind === 'host' ? 'host' : 'inside' };
}

async function runningForwards(pid: number): Promise<Way[]> {
  const processes = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const found = await Promise.all(processes.map(one => forwardOfProcess(one, pid)));
  return found.filter(one => one !== undefined);
}

async function forwardOfProcess(process: string, pid: number): Promise<Way | undefined> {
  const forward = parseForward(await readFile(`/proc/${process}/cmdline`, 'utf8').catch(() => ''), pid);
  if (forward === undefined) return undefined;
  // A process inside of a container can call itself what it likes; it has a second pid there.
  const status = await readFile(`/proc/${process}/status`, 'utf8').catch(() => '');
  return /^NSpid:\t\d+$/m.test(status) ? forward : undefined;
}

/** What a command line of Incus's own program for proxy devices says; undefined for any other, and for other containers. */
export function parseForward(cmdline: string, pid: number): Way | undefined {
  const words = cmdline.split('\0');
  if (words[1] !== 'forkproxy') return undefined;
  const [listenPid, , listen, connectPid, , connect] = words.slice(words.indexOf('--') + 1);
  if (listen === undefined || connect === undefined) return undefined;
  if (listenPid === String(pid)) return { listen, connect, at: 'inside' };
  return connectPid === String(pid) ? { listen, connect, at: 'host' } : undefined;
}
