import { type Cidr, overlaps, parseAddress, parseCidr } from './ipv4.ts';

/** Private networks: RFC 1918, and RFC 6598 (between a provider and its customers; also tailnets). */
export const PRIVATE: readonly string[] = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16'];

/**
 * Link-local addresses, where most clouds have their metadata service, and the addresses outside of it where others
 * have theirs: Oracle (RFC 6890's protocol assignments) and Azure.
 */
export const METADATA: readonly string[] = ['169.254.0.0/16', '192.0.0.0/24', '168.63.129.16/32'];

/** What is nobody's address: this network, loopback, multicast and what is reserved. */
export const UNUSABLE: readonly string[] = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'];

const NEVER_PUBLIC = [...PRIVATE, ...METADATA, ...UNUSABLE];

/** Whether an address belongs to the internet. Everything but a dotted IPv4 address does not. */
export function isPublic(address: string): boolean {
  return parseAddress(address) !== undefined && !touches(address, NEVER_PUBLIC);
}

/** Whether a network or address has anything in common with one of the ranges. */
export function touches(network: string, ranges: readonly string[]): boolean {
  const cidr = parseCidr(network);
  return cidr !== undefined && ranges.some(range => overlaps(cidr, rangeOf(range)));
}

function rangeOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new RangeError(`${text} is no network.`);
  return cidr;
}
