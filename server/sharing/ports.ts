import { createServer, isIP, isIPv6 } from 'node:net';
import { Failure } from '../base/errors.ts';
import type { Devices } from '../incus/types/config.ts';

/** `[ports]`: how many are wanted without a name, and those with one; host 0 leaves the choice to us. */
export interface PortWishes {
  pool: number;
  map: readonly { name: string; container: number; host: number; listen: string }[];
}

/** A port of this computer that leads to one of the slot. */
export interface Port {
  name: string;
  listen: string;
  host: number;
  container: number;
  /** The same number on both sides, for whatever the agent needs one. */
  pool: boolean;
}

export interface PortPlace {
  container: string;
  slot: number;
  /** Whether nothing listens there; fails with `config` for an address that this computer has not. */
  isFree(listen: string, port: number): Promise<boolean>;
  /** Who has a port of this computer, in words, if it is one of our slots. */
  holder(port: number): string | undefined;
}

/** coi's layout: a hundred ports per workspace, ten per slot, the place of a workspace by its hash. */
const FIRST = 20_000;
const PLACES = 400;
const PER_WORKSPACE = 100;
const PER_SLOT = 10;

/**
 * Chooses the ports of a slot, as coi does: the same at each start, and never those of another slot. One that is in use is passed
 * over, one that was named is not: then it fails with `conflict`. Fails with `config` for wishes that contradict one another.
 */
export async function choosePorts(wishes: PortWishes, place: PortPlace): Promise<Port[]> {
  checkWishes(wishes);
  const block = blockOf(place.container, place.slot);
  const named = new Set(wishes.map.map(({ host }) => host));
  const left = Array.from({ length: PER_SLOT }, (_, i) => block + i).filter(port => !named.has(port));
  const take = async (listen: string, name: string): Promise<number> => {
    for (let port = left.shift(); port !== undefined; port = left.shift())
      if (await place.isFree(listen, port)) return port;
    throw new Failure(
      'conflict',
      `There is no free port for ${name}: other programs use those from ${block} to ${block + PER_SLOT - 1}.`,
      { hint: `End them (ss -ltnp shows who listens), or name another port in \`[[ports.map]]\`.` },
    );
  };
  const ports: Port[] = [];
  for (let i = 1; i <= wishes.pool; i++) {
    const port = await take(LOOPBACK, 'the pool');
    ports.push({ name: `pool-${i}`, listen: LOOPBACK, host: port, container: port, pool: true });
  }
  for (const { name, listen, container, host } of wishes.map) {
    if (host !== 0) await requireFree(name, listen, host, place);
    ports.push({ name, listen, host: host === 0 ? await take(listen, name) : host, container, pool: false });
  }
  return ports;
}

const LOOPBACK = '127.0.0.1';

async function requireFree(name: string, listen: string, port: number, place: PortPlace): Promise<void> {
  if (await place.isFree(listen, port)) return;
  const holder = place.holder(port) ?? 'another program';
  throw new Failure(
    'conflict',
    `The port ${port} of this computer, which is to lead to ${name}, is in use by ${holder}.`,
    {
      hint: 'Free it, or leave `host` out of `[[ports.map]]`: then each slot gets one of its own.',
    },
  );
}

/** The first of a slot's ports. Beyond coi's ten slots a workspace goes on in the places after its own. */
function blockOf(container: string, slot: number): number {
  const hash = Number.parseInt(/^coi-([0-9a-f]{4})/.exec(container)?.[1] ?? '0', 16);
  const beyond = Math.floor((slot - 1) / (PER_WORKSPACE / PER_SLOT));
  const place = (hash + beyond) % PLACES;
  return FIRST + place * PER_WORKSPACE + ((slot - 1) % (PER_WORKSPACE / PER_SLOT)) * PER_SLOT;
}

function checkWishes({ pool, map }: PortWishes): void {
  const chosen = pool + map.filter(({ host }) => host === 0).length;
  if (chosen > PER_SLOT) throw wrong(`${chosen} ports are left to us, and a slot has ${PER_SLOT} of them`);
  for (const [i, one] of map.entries()) {
    if (isIP(one.listen) === 0) throw wrong(`${one.listen} is no address to listen on`);
    for (const other of map.slice(0, i)) {
      if (variableOf(one.name) === variableOf(other.name))
        throw wrong(`${other.name} and ${one.name} would both be ${variableOf(one.name)}`);
      if (one.host !== 0 && one.host === other.host && meets(one.listen, other.listen))
        throw wrong(`${other.name} and ${one.name} both want the port ${one.host} of this computer`);
    }
  }
}

function meets(one: string, other: string): boolean {
  return one === other || [one, other].some(address => /^[0:.]+$/.test(address));
}

function wrong(why: string): Failure {
  return new Failure('config', `The ports cannot be had: ${why}.`, { hint: 'Correct `[ports]` in the configuration.' });
}

/** One device per address, because each is a process of the host and takes a second to start. */
export function portDevices(ports: readonly Port[]): Devices {
  const addresses = [...new Set(ports.map(port => port.listen))];
  return Object.fromEntries(
    addresses.map((address, i) => {
      const own = ports.filter(port => port.listen === address);
      const outside = isIPv6(address) ? `[${address}]` : address;
      return [
        `coi-port-${i}`,
        {
          type: 'proxy',
          bind: 'host',
          listen: `tcp:${outside}:${own.map(port => port.host).join(',')}`,
          connect: `tcp:${LOOPBACK}:${own.map(port => port.container).join(',')}`,
        },
      ];
    }),
  );
}

/** What tells programs inside which ports of the host are theirs, under coi's names. */
export function portVariables(ports: readonly Port[]): Record<string, string> {
  const pool = ports.filter(port => port.pool).map(port => port.host);
  return {
    ...(pool.length === 0 ? {} : { COI_PORTS: pool.join(' ') }),
    ...Object.fromEntries(ports.filter(port => !port.pool).map(({ name, host }) => [variableOf(name), String(host)])),
  };
}

function variableOf(name: string): string {
  return `COI_PORT_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/** For the UI and the agent. */
export function portWords({ name, listen, host, container, pool }: Port): string {
  const where = listen === LOOPBACK ? 'of this computer' : `of this computer, open at ${listen},`;
  return pool ? `port ${host} ${where} as the same inside` : `port ${host} ${where} as ${container} inside (${name})`;
}

async function firstTaken(ports: readonly Port[]): Promise<number | undefined> {
  for (const { listen, host } of ports) if (!(await portIsFree(listen, host))) return host;
  return undefined;
}

/** Whether nothing listens at an address of this computer. What may not be tried counts as free: Incus, which is root, will see. */
export function portIsFree(listen: string, port: number): Promise<boolean> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', error => {
      const code = 'code' in error ? error.code : undefined;
      if (code === 'EADDRNOTAVAIL') fail(wrong(`this computer has no address ${listen}`));
      else done(code !== 'EADDRINUSE');
    });
    probe.listen({ host: listen, port, exclusive: true, ipv6Only: true }, () => probe.close(() => done(true)));
  });
}

/**
 * The failure to tell when Incus found one of these ports taken that was free a moment ago; undefined for any other. Incus does not
 * always say which.
 */
export async function portTaken(message: string, ports: readonly Port[]): Promise<Failure | undefined> {
  const named = /listen tcp\d? \S*?:(\d+): bind: address already in use/.exec(message)?.[1];
  const port = named ?? (/proxy device|listener process/i.test(message) ? await firstTaken(ports) : undefined);
  if (port === undefined) return undefined;
  return new Failure('conflict', `The port ${port} of this computer was taken while the slot was opened.`, {
    hint: 'Open it again.',
    detail: message,
  });
}
