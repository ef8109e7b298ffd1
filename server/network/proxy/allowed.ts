import { type Destination, type Ports, parseDestination, parseName } from '../destinations.ts';
import { contains, parseAddress, parseCidr } from '../ipv4.ts';
import { isPublic } from '../ranges.ts';
import type { Policy } from '../types.ts';

/** Ports of a name that is allowed without any: those of the web. */
const WEB: readonly Ports[] = [
  { first: 80, last: 80 },
  { first: 443, last: 443 },
];

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

/** Whether the policy names the target. */
export function isAllowed(policy: Policy, { host, port }: Target): boolean {
  if (pinnedAddress(policy, { host, port }) !== undefined) return true;
  if (policy.mode !== 'allowlist') return true;
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

/** Whether a name may lead to this address: never into private networks, and never to the host itself. */
export function mayLeadTo(policy: Policy, address: string, own: ReadonlySet<string>): boolean {
  if (own.has(address)) return false;
  return isPublic(address) || (policy.allowLocal && isPrivateOnly(address));
}

function isPrivateOnly(address: string): boolean {
  const number = parseAddress(address);
  if (number === undefined) return false;
  return ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16'].some(range => {
    const cidr = parseCidr(range);
    return cidr !== undefined && contains(cidr, number);
  });
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
