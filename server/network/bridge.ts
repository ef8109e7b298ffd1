import { createHash } from 'node:crypto';
import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import type { Devices, Profile } from '../incus/types/config.ts';
import type { Network, NetworkLease } from '../incus/types/network.ts';
import { type Cidr, contains, formatAddress, formatCidr, parseAddress, parseCidr, sizeOf } from './ipv4.ts';
import type { Place } from './types.ts';

/** The card that a slot gets, and where it is. */
export interface Card {
  /** Name of the device, as the profile has it. */
  device: string;
  /** Further cards of the profile, which would be ways around the rules. */
  others: string[];
  place: Place;
}

/** Milliseconds within which an address that was given out shows at Incus. */
const SHOWS = 60_000;

/** Addresses that were given out a moment ago, so that opens at the same time do not get the same one. */
export class AddressBook {
  readonly #given = new Map<number, { container: string; until: number }>();

  /** Those that others than `container` were given. */
  taken(container: string, now = Date.now()): number[] {
    return [...this.#given]
      .filter(([, by]) => by.until > now && by.container !== container)
      .map(([address]) => address);
  }

  give(address: number, container: string, now = Date.now()): void {
    for (const [old, by] of this.#given) if (by.until <= now || by.container === container) this.#given.delete(old);
    this.#given.set(address, { container, until: now + SHOWS });
  }
}

/** The bridge that slots are on, as Incus says. */
export interface Bridge {
  /** Names of the default profile's cards, the one on the bridge first. */
  cards: [string, ...string[]];
  network: Network | undefined;
  leases: NetworkLease[];
}

/**
 * The card for a container, with an address on the bridge that nobody has. The address stays the same for a container that is
 * there. Fails with `isolation` where the rules could not be put in force: no managed bridge with IPv4.
 */
export function cardOn({ cards, network, leases }: Bridge, book: AddressBook, container: string): Card {
  const [device, ...others] = cards;
  return { device, others, place: placeOn(book, network, leases, container) };
}

/** The network cards that a profile gives, in the order of their names. */
export function cardsOf(profile: Profile | undefined): [string, Devices[string]][] {
  const cards = Object.entries(profile?.devices ?? {}).filter(([, device]) => device.type === 'nic');
  return cards.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The bridge of the default profile's card, and its network where that is one that rules can be held on. */
export async function bridgeOf(incus: Incus, signal?: AbortSignal): Promise<{ name?: string; subnet?: string }> {
  const [first] = cardsOf(await incus.profile('default', signal));
  const name = first?.[1].network ?? first?.[1].parent;
  if (name === undefined) return {};
  const network = first?.[1].network === undefined ? undefined : await incus.network(name, signal);
  const subnet = subnetOf(network);
  return { name, ...(subnet === undefined ? {} : { subnet: formatCidr(subnet.subnet) }) };
}

/** The addresses of a bridge that Incus manages; undefined for another network, or one without IPv4. */
export function subnetOf(network: Network | undefined): { subnet: Cidr; gateway: number } | undefined {
  const own = network?.config['ipv4.address'] ?? '';
  const subnet = parseCidr(own);
  const gateway = parseAddress(own.split('/')[0] ?? '');
  if (network?.type !== 'bridge' || !network.managed || subnet === undefined || gateway === undefined) return undefined;
  return { subnet, gateway };
}

function placeOn(
  book: AddressBook,
  network: Network | undefined,
  leases: readonly NetworkLease[],
  container: string,
): Place {
  const found = subnetOf(network);
  if (network === undefined || found === undefined) throw notManaged();
  const { subnet, gateway } = found;
  const address = freeAddress(subnet, [gateway, ...book.taken(container)], leases, container);
  book.give(address, container);
  return {
    bridge: network.name,
    address: formatAddress(address),
    gateway: formatAddress(gateway),
    subnet: formatCidr(subnet),
  };
}

/** The address that is reserved for the container, else the first free one from a place that its name says. */
export function freeAddress(
  subnet: Cidr,
  others: readonly number[],
  leases: readonly NetworkLease[],
  container: string,
): number {
  const kept = leases.find(lease => lease.type === 'static' && lease.hostname === container);
  const before = kept === undefined ? undefined : parseAddress(kept.address);
  if (before !== undefined && contains(subnet, before)) return before;
  const taken = new Set([...leases.map(lease => parseAddress(lease.address)), ...others]);
  // Neither the first nor the last address of a network is anybody's.
  const usable = sizeOf(subnet) - 2;
  const [, family = '', number = '0'] = /^(.*?)(\d*)$/.exec(container) ?? [];
  // Slots of one workspace get neighbouring addresses, and so never the same one.
  const start = createHash('sha256').update(family).digest().readUInt32BE(0) + Number(number);
  for (let i = 0; i < usable; i++) {
    const address = subnet.first + 1 + ((start + i) % usable);
    if (!taken.has(address)) return address;
  }
  throw new Failure('conflict', `Every address of the network ${formatCidr(subnet)} is taken.`, {
    hint: 'Close slots, or give the bridge a larger network.',
  });
}

/** The failure of a slot whose network could not be restricted. */
export function notManaged(): Failure {
  return new Failure(
    'isolation',
    'The network of slots cannot be restricted: the default profile has no card on a bridge that Incus manages and that has IPv4.',
    { hint: 'The health check names the command that mends it.' },
  );
}
