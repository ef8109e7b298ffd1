import { type Destination, type Ports, parseDestination, parseName } from '../destinations.ts';
import { contains, parseAddress, parseCidr } from '../ipv4.ts';
import { isPublic, PRIVATE, touches } from '../ranges.ts';
import type { Policy } from '../types.ts';

/** Ports of a name that is allowed without any: those of the web. */
const WEB: readonly Ports[] = [
  { first: 80, last: 80 },
  { first: 443, last: 443 },
];

/** The ports of resolvers: RFC 1035, RFC 7858. */
const DNS = 53;
const DNS_BY_TLS = 853;

/** Where a client of the proxy wants to go: a host name in small letters or a dotted address. */
export interface Target {
  host: string;
  port: number;
}

/** Reads `host:port`; undefined for whatever has another meaning to somebody. */
export function parseTarget(text: string, defaultPort?: number): Target | undefined {
  const match = /^([A-Za-z0-9.-]{1,254})(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  const host = match?.[1] ?? '';
  if (port === undefined || port < 1 || port > 65_535) return undefined;
  if (parseAddress(host) !== undefined) return { host, port };
  const labels = parseName(host);
  return labels === undefined ? undefined : { host: labels.join('.'), port };
}

/**
 * Whether the policy lets the target be asked for. A program keeps the proxy that it was started with, also when the mode is changed to another one: then
 * the proxy lets through what the rules of that mode would.
 */
export function isAllowed(policy: Policy, { host, port }: Target): boolean {
  if (policy.mode === 'open' || pinnedAddress(policy, { host, port }) !== undefined) return true;
  if (policy.mode === 'restricted' && policy.resolvers.length > 0) {
    if (policy.resolvers.includes(host) && port === DNS) return true;
    if (port === DNS || port === DNS_BY_TLS) return false;
  }
  if (policy.ports.length > 0 && !policy.ports.includes(port)) return false;
  if (policy.mode === 'restricted') return true;
  const entries = policy.allow.map(parseDestination).filter(entry => entry !== undefined);
  return entries.some(entry => names(entry, host) && hasPort(entry, port));
}

/** The address that the user gave a name, where the port is allowed. */
export function pinnedAddress(policy: Policy, { host, port }: Target): string | undefined {
  const known = policy.hosts.find(
    entry =>
      (entry.ip === host || entry.hostnames.some(name => parseName(name)?.join('.') === host)) &&
      (entry.ports.length === 0 || entry.ports.includes(port)),
  );
  return known?.ip;
}

/**
 * Whether a name may lead to this address: into private networks only where they are permitted, and never to the host itself (`own`) or into
 * the network of the slots (`closed`).
 */
export function mayLeadTo(
  policy: Policy,
  address: string,
  own: ReadonlySet<string>,
  closed: readonly string[] = [],
): boolean {
  if (own.has(address) || touches(address, closed)) return false;
  const local = policy.allowLocal || policy.mode === 'open';
  return isPublic(address) || (local && parseAddress(address) !== undefined && touches(address, PRIVATE));
}

function names(entry: Destination, host: string): boolean {
  if (entry.kind === 'network') {
    const [cidr, address] = [parseCidr(entry.cidr), parseAddress(host)];
    return cidr !== undefined && address !== undefined && contains(cidr, address);
  }
  const labels = host.split('.');
  const extra = labels.length - entry.labels.length;
  if (entry.wildcard ? extra < 1 : extra !== 0) return false;
  return entry.labels.every((label, i) => label === labels[i + extra]);
}

function hasPort(entry: Destination, port: number): boolean {
  const ports = entry.ports.length > 0 || entry.kind === 'network' ? entry.ports : WEB;
  return ports.length === 0 || ports.some(({ first, last }) => port >= first && port <= last);
}
