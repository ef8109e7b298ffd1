import type { TestContext } from 'node:test';
import { ADDRESSES } from '../../support/test-hosts.ts';
import { type Fighter, type Range, sh } from './place.ts';

/** What came from the attackers' bridge to where nothing may come, counted by the host's kernel. */
export interface Counters {
  /** What was reached since the last look; names and numbers of packets. */
  look(): string | undefined;
}

interface Counted {
  counter?: { name: string; packets: number };
}

/**
 * Counts in a table of the test's own, before every other rule of the host, whatever comes from the bridge. `victim` counts at the
 * other slot's cable. Names are looked up on the bridge's own resolver only if `names`.
 */
export function counters(
  t: Pick<TestContext, 'after'>,
  place: Range,
  victim: Fighter,
  attacker: Fighter,
  o: { names: boolean; internet: boolean; ignored: readonly string[] },
  suffix: string,
): Counters {
  const table = `ia-redteam-${place.bridge}-${suffix}`;
  sh('nft', tableText(table, place, victim, attacker, o));
  t.after(() => {
    sh('nft', `delete table inet ${table}`);
    sh('nft', `delete table netdev ${table}`);
  });
  let before = read(table);
  return {
    look: () => {
      const now = read(table);
      const more = [...now].filter(([name, count]) => count > (before.get(name) ?? 0)).map(([name]) => name);
      before = now;
      return more.length === 0 ? undefined : more.join(', ');
    },
  };
}

function tableText(
  table: string,
  place: Range,
  victim: Fighter,
  attacker: Fighter,
  o: { names: boolean; internet: boolean; ignored: readonly string[] },
): string {
  const { bridge, gateway } = place;
  const free = new Set<string>(o.internet ? [ADDRESSES.internet, ADDRESSES.resolver] : []);
  const targets = Object.entries(ADDRESSES).filter(([, address]) => !free.has(address));
  const others = { victim: victim.address, other_bridge: place.otherGateway, host_public: place.hostAddress };
  const counted = [...targets, ...Object.entries(others)];
  const names = [...counted.map(([name]) => name), 'gateway', 'spoofed_address', 'spoofed_mac', 'ipv6', 'options'];
  return [
    `add table inet ${table}`,
    `add table netdev ${table}`,
    ...names.map(name => `add counter inet ${table} ${name}`),
    ...['beside_the_host', 'lying_arp', 'virtual_lan'].map(name => `add counter netdev ${table} ${name}`),
    // Before fragments are put together.
    `add chain inet ${table} c { type filter hook prerouting priority -450; }`,
    `add rule inet ${table} c iifname != ${bridge} accept`,
    ...[victim.mac, ...o.ignored].map(mac => `add rule inet ${table} c ether saddr ${mac} accept`),
    `add rule inet ${table} c ether saddr != ${attacker.mac} counter name spoofed_mac`,
    `add rule inet ${table} c meta nfproto ipv6 ether saddr ${attacker.mac} counter name ipv6 accept`,
    `add rule inet ${table} c udp dport 67 accept`,
    `add rule inet ${table} c ip saddr != ${attacker.address} counter name spoofed_address`,
    `add rule inet ${table} c ip hdrlength != 5 counter name options`,
    ...(o.names ? [`add rule inet ${table} c ip daddr ${gateway} meta l4proto { tcp, udp } th dport 53 accept`] : []),
    // Answers to connections that the host began; without a connection the host throws them away.
    `add rule inet ${table} c ip daddr ${gateway} tcp flags & (ack | rst) != 0 accept`,
    `add rule inet ${table} c ip daddr ${gateway} counter name gateway`,
    ...counted.map(([name, address]) => `add rule inet ${table} c ip daddr ${address} counter name ${name}`),
    `add chain netdev ${table} v { type filter hook egress device ${victim.cable} priority -500; }`,
    `add rule netdev ${table} v ether saddr ${attacker.mac} counter name beside_the_host`,
    `add chain netdev ${table} b { type filter hook ingress device ${bridge} priority -500; }`,
    `add rule netdev ${table} b arp saddr ether ${attacker.mac} arp saddr ip != { 0.0.0.0, ${attacker.address} } counter name lying_arp`,
    `add rule netdev ${table} b ether type { 8021q, 8021ad } counter name virtual_lan`,
  ].join('; ');
}

function read(table: string): Map<string, number> {
  const found = ['inet', 'netdev'].flatMap(family => {
    const text = sh('nft', '-j', `list counters table ${family} ${table}`);
    return (JSON.parse(text) as { nftables: Counted[] }).nftables;
  });
  return new Map(found.flatMap(({ counter }) => (counter === undefined ? [] : [[counter.name, counter.packets]])));
}
