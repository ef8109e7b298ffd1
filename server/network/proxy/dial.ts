import { lookup, Resolver } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseAddress } from '../ipv4.ts';
import type { Policy } from '../types.ts';
import { isAllowed, mayLeadTo, pinnedAddress, type Target } from './allowed.ts';

/** Milliseconds that a connection may take to come about. */
const CONNECT = 15_000;

/** Why the proxy refuses: `blocked` by the policy, or `unreachable`. */
export class Refusal extends Error {
  readonly blocked: boolean;

  constructor(blocked: boolean, message: string) {
    super(message);
    this.blocked = blocked;
  }
}

/** IPv4 addresses of a name: from the only resolvers that may be asked, or as the host resolves it where none are given. */
export type Resolve = (name: string, resolvers: readonly string[]) => Promise<string[]>;

export const resolveOnHost: Resolve = async (name, resolvers) => {
  if (resolvers.length === 0) return (await lookup(name, { all: true, family: 4 })).map(({ address }) => address);
  const resolver = new Resolver({ timeout: 3000, tries: 2 });
  resolver.setServers(resolvers);
  return resolver.resolve4(name);
};

/**
 * Connects to a target that the policy names. The name is resolved here, and the connection is made to the very address that was
 * looked at, so no second answer can lead elsewhere. `closed` are networks into which none may lead. Fails with `Refusal`.
 */
export async function dial(
  policy: Policy,
  target: Target,
  resolve: Resolve,
  closed: readonly string[] = [],
): Promise<Socket> {
  if (!isAllowed(policy, target)) throw new Refusal(true, `${target.host}:${target.port} is not ${among(policy)}.`);
  const pinned = pinnedAddress(policy, target);
  if (pinned !== undefined) return open(pinned, target);
  const literal = parseAddress(target.host) !== undefined;
  const addresses = literal ? [target.host] : await resolve(target.host, policy.resolvers).catch(() => []);
  if (addresses.length === 0) throw new Refusal(false, `${target.host} was not found.`);
  const own = ownAddresses();
  const usable = addresses.filter(address => mayLeadTo(policy, address, own, closed));
  if (usable.length === 0) throw new Refusal(true, `${target.host} leads to an address that slots may not reach.`);
  return firstThatOpens(usable, target);
}

function among({ mode, ports }: Policy): string {
  if (mode !== 'allowlist') return 'what the network of this slot lets through';
  return ports.length === 0 ? 'on the allow-list' : `on the allow-list with one of the ports ${ports.join(', ')}`;
}

async function firstThatOpens(addresses: readonly string[], target: Target): Promise<Socket> {
  let last: unknown;
  for (const address of addresses.slice(0, 4)) {
    try {
      return await open(address, target);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function open(address: string, { host, port }: Target): Promise<Socket> {
  return new Promise((done, fail) => {
    const socket = connect({ host: address, port });
    const refuse = () => {
      socket.destroy();
      fail(new Refusal(false, `${host}:${port} does not answer.`));
    };
    socket.setTimeout(CONNECT, refuse);
    socket.once('error', refuse);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', refuse);
      done(socket);
    });
  });
}

/** Every address that the host has at the moment. */
function ownAddresses(): Set<string> {
  return new Set(Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address)));
}
