import { type Ports, parseDestination } from './destinations.ts';
import { METADATA, PRIVATE, touches, UNUSABLE } from './ranges.ts';
import type { Place, Policy } from './types.ts';

/*
 * The rules of nft for a slot's end of its cable, where every frame that leaves the container comes by before the bridge sees it. They
 * look at single packets and know no connections, so a change holds at once, for what is under way too.
 */

/** The chains that a change of policy replaces: what may leave the slot, and what is kept from it. */
export interface Rules {
  outward: string[];
  inward: string[];
}

/** What holds in every mode, around the chains of the policy. `$cable`, `$slotmac` and `$hostmac` are defined by the hook. */
export function tableOf(table: string, place: Place, rules: Rules): { outward: string[]; inward: string[] } {
  const { address, gateway } = place;
  return {
    outward: [
      `table netdev ${table} {`,
      ...NOTED,
      // Used where little is allowed: no frame to anybody but the host, also not those for everybody; no tricks with the header.
      'chain strict {',
      `ether type arp arp daddr ip { ${gateway}, ${address} } ether daddr { ff:ff:ff:ff:ff:ff, $hostmac } ether daddr set $hostmac accept`,
      'ether type != ip drop',
      'ether daddr != $hostmac drop',
      'ip hdrlength != 5 drop',
      '}',
      ...chain('outward', rules.outward),
      'chain from {',
      'type filter hook ingress device $cable priority 0; policy drop;',
      'ether saddr != $slotmac drop',
      `ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp saddr ether $slotmac arp saddr ip { 0.0.0.0, ${address} } goto outward`,
      'ether type arp drop',
      // No slot gives addresses to others.
      'udp sport { 67, 547 } drop',
      'ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 ether daddr set $hostmac accept',
      `ether type ip ip saddr ${address} goto outward`,
      'ether type ip6 goto outward',
      '}',
      '}',
    ],
    inward: [
      `table netdev ${table} {`,
      ...chain('inward', rules.inward),
      'chain to {',
      'type filter hook egress device $cable priority 0; policy accept;',
      'jump inward',
      '}',
      '}',
    ],
  };
}

/** The set of the addresses that a slot was refused; each has a counter. */
const REFUSED_SET = 'refused';

/** How many are kept: whoever asks for more only hides further ones. */
const REFUSED_SIZE = 256;

/** Says no at once, so that nothing inside waits, and notes to what. A full set ends its own rule only. */
const NOTED = [
  `set ${REFUSED_SET} {`,
  'type ipv4_addr . inet_proto . inet_service',
  'flags dynamic',
  `size ${REFUSED_SIZE}`,
  '}',
  'chain refuse {',
  `meta l4proto { tcp, udp } update @${REFUSED_SET} { ip daddr . meta l4proto . th dport counter }`,
  'reject with icmp type admin-prohibited',
  '}',
];

/** Replaces the policy of a table that is there, in one step. */
export function changeOf(table: string, rules: Rules): string[] {
  return [
    `flush chain netdev ${table} outward`,
    `flush chain netdev ${table} inward`,
    `table netdev ${table} {`,
    ...chain('outward', rules.outward),
    ...chain('inward', rules.inward),
    '}',
  ];
}

/** The rules of a policy. */
export function rulesOf(policy: Policy, place: Place): Rules {
  if (policy.mode === 'open') return { outward: ['accept'], inward: [] };
  const middle = policy.mode === 'allowlist' ? allowRules(policy) : internetRules(policy);
  return {
    outward: [
      'jump strict',
      ...hostRules(policy, place),
      ...staticRules(policy),
      ...forbidden(policy, place),
      ...middle,
    ],
    // The slot gets no address of IPv6, so that no program in it waits for one that leads nowhere.
    inward: ['ether type ip6 drop'],
  };
}

/** Of the host the slot reaches what gives it its address, the bridge's names, and answers to what the host began. */
function hostRules(policy: Policy, { gateway }: Place): string[] {
  const names = policy.mode === 'restricted' && policy.resolvers.length === 0;
  return [
    `ip daddr ${gateway} udp dport 67 accept`,
    ...(names ? [`ip daddr ${gateway} meta l4proto { tcp, udp } th dport 53 accept`] : []),
    `ip daddr ${gateway} tcp flags & (ack | rst) != 0 accept`,
  ];
}

function staticRules(policy: Policy): string[] {
  return policy.hosts.map(host => `ip daddr ${host.ip} ${portMatch(host.ports.map(one))}accept`);
}

function forbidden(policy: Policy, { subnet }: Place): string[] {
  const closed = policy.blockPrivate && !policy.allowLocal;
  return [
    // Every address that is the host's own at that moment, public ones too.
    'fib daddr type != unicast goto refuse',
    ...refuseTo([...UNUSABLE, subnet]),
    // A resolver may be in a network that is closed otherwise.
    ...(policy.mode === 'restricted' ? resolverRules(policy) : []),
    ...(policy.blockMetadata ? refuseTo(METADATA) : []),
    ...(closed ? refuseTo(PRIVATE) : []),
  ];
}

/** One rule each: a set cannot hold ranges that overlap, as a bridge's network and a private one do. */
function refuseTo(ranges: readonly string[]): string[] {
  return ranges.map(range => `ip daddr ${range} goto refuse`);
}

function resolverRules({ resolvers }: Policy): string[] {
  if (resolvers.length === 0) return [];
  return [
    `ip daddr { ${resolvers.join(', ')} } meta l4proto { tcp, udp } th dport 53 accept`,
    'meta l4proto { tcp, udp } th dport { 53, 853 } goto refuse',
  ];
}

function internetRules({ ports }: Policy): string[] {
  return ports.length === 0 ? ['accept'] : [`${portMatch(ports.map(one))}accept`, PING, REST];
}

/** The addresses of the allow-list; its names are the proxy's. */
function allowRules(policy: Policy): string[] {
  const found = policy.allow.map(parseDestination);
  const rules = found.flatMap(entry =>
    entry?.kind === 'network' ? addressRule(entry.cidr, entry.ports, policy.ports) : [],
  );
  return [...rules, REST];
}

/** An address with its ports, as far as they are among the only ones. */
function addressRule(cidr: string, own: readonly Ports[], only: readonly number[]): string[] {
  if (only.length === 0) return [`ip daddr ${cidr} ${portMatch(own)}accept`];
  const both = only.filter(port => own.length === 0 || own.some(({ first, last }) => port >= first && port <= last));
  return both.length === 0 ? [] : [`ip daddr ${cidr} ${portMatch(both.map(one))}accept`];
}

const PING = 'icmp type echo-request limit rate 10/second accept';
const REST = 'goto refuse';

function portMatch(ports: readonly Ports[]): string {
  if (ports.length === 0) return '';
  const list = ports.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
  return `meta l4proto { tcp, udp } th dport { ${list} } `;
}

const one = (port: number): Ports => ({ first: port, last: port });

function chain(name: string, rules: readonly string[]): string[] {
  return [`chain ${name} {`, ...rules, '}'];
}

/** Entries of an allow-list that lie in private networks, which only `allowLocal` opens. */
export function privateEntries(policy: Policy): string[] {
  if (policy.allowLocal || !policy.blockPrivate) return [];
  return policy.allow.filter(text => {
    const entry = parseDestination(text);
    return entry?.kind === 'network' && touches(entry.cidr, PRIVATE);
  });
}
