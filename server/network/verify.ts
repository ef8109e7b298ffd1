import type { Instance } from '../incus/types/instance.ts';
import { formatCidr, parseCidr } from './ipv4.ts';
import type { Rules } from './rules.ts';

/**
 * What the kernel's rules say about a policy: `open` where they let more through, `unknown` where they are others than expected but are not seen
 * to do that, as where another version of nft writes them in another way.
 */
export type Verified = 'held' | 'open' | 'unknown';

/** The host's end of a container's one cable; undefined where there is none, or more than one way out. */
export function cableOf({ expandedDevices, config }: Instance): string | undefined {
  const cards = Object.entries(expandedDevices).filter(([, device]) => device.type === 'nic');
  const [card] = cards;
  return card === undefined || cards.length > 1 ? undefined : config[`volatile.${card[0]}.host_name`];
}

/** What must be there besides the policy's own chain, and the only rules there that accept. */
const FRAME: readonly { chain: string; accept: RegExp }[] = [
  { chain: 'from', accept: /^(?:ether type ip )?ip saddr 0\.0\.0\.0 ip daddr 255\.255\.255\.255 udp sport 68 / },
  { chain: 'strict', accept: /^(?:ether type arp )?arp daddr ip / },
];

/** Compares a table as nft lists it with the rules that it should have, for this cable. */
export function inForce(listing: string, rules: Rules, cable: string): Verified {
  const chains = chainsOf(listing);
  const hook = / hook ingress devices? (?:= \{ )?"?([^" ;]+)"?.* policy drop;$/.exec(
    ` ${chains.get('from')?.[0] ?? ''}`,
  );
  if (hook?.[1] !== cable) return 'open';
  for (const { chain, accept } of FRAME) {
    const accepting = (chains.get(chain) ?? []).filter(accepts);
    if (accepting.length !== 1 || !accept.test(accepting[0] ?? '')) return 'open';
  }
  const [found, wanted] = [chains.get('outward') ?? [], rules.outward].map(chain => chain.map(canonical));
  if (found === undefined || wanted === undefined) return 'unknown';
  if (found.join('\n') === wanted.join('\n')) return 'held';
  return letsMoreThrough(found, wanted) ? 'open' : 'unknown';
}

/** Whether a refusal is missing, or something that nobody wanted comes before one. */
function letsMoreThrough(found: readonly string[], wanted: readonly string[]): boolean {
  const refusals = wanted.filter(rule => /\bgoto refuse$/.test(rule));
  if (found[0] !== wanted[0] || refusals.some(rule => !found.includes(rule))) return true;
  const last = Math.max(...refusals.map(rule => found.lastIndexOf(rule)));
  return found.slice(0, last).some(rule => !wanted.includes(rule) && accepts(rule));
}

function accepts(rule: string): boolean {
  return /\baccept$/.test(rule);
}

/** The rules of each chain; the first of one with a hook is the hook. */
function chainsOf(listing: string): Map<string, string[]> {
  const chains = listing.matchAll(/^\tchain (\S+) \{\n(.*?)^\t\}/gms);
  return new Map(
    [...chains].map(([, name = '', body = '']) => [
      name,
      body
        .split('\n')
        .map(line => line.trim())
        .filter(line => line !== ''),
    ]),
  );
}

/** A rule in one of the ways in which nft may write it. */
function canonical(rule: string): string {
  return rule
    .replace(/ tcp flags .* accept$/, ' tcp flags accept')
    .replace(/ burst \d+ packets/, '')
    .replace(/\b[\d.]+\/\d+/g, network => {
      const cidr = parseCidr(network);
      return cidr === undefined ? network : formatCidr(cidr);
    })
    .replace(/\{ ([^}]*?),? \}/g, (_, elements: string) => setOf(elements.split(/, ?/)));
}

function setOf(elements: readonly string[]): string {
  const ports = elements.map(element => element.split('-').map(Number));
  const all = ports.flat().every(Number.isInteger) ? merged(ports) : [...new Set(elements)].sort();
  return all.length === 1 ? (all[0] ?? '') : `{ ${all.join(', ')} }`;
}

/** Ranges in their order, those that touch as one. */
function merged(ranges: readonly number[][]): string[] {
  const all: [number, number][] = [];
  for (const [first = 0, last = first] of ranges.toSorted(([a = 0], [b = 0]) => a - b)) {
    const before = all.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else all.push([first, last]);
  }
  return all.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
}
