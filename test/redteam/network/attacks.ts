import { ADDRESSES } from '../../support/test-hosts.ts';
import type { Attack } from '../attack.ts';
import type { Fighter, Range } from './place.ts';

const ROOT = ['root'] as const;

/** Who lives where, and whom to attack. */
export interface Scene {
  place: Range;
  self: Fighter;
  victim: Fighter;
}

/** Attacks on a slot whose internet is open. */
export function restrictedAttacks(scene: Scene): Attack[] {
  return [...rangeAttacks(), ...hostAttacks(scene), ...slotAttacks(scene), ...trickAttacks(scene)];
}

function rangeAttacks(): Attack[] {
  const { internet: _, resolver: __, ...targets } = ADDRESSES;
  return Object.entries(targets).flatMap(([name, address]) => [
    { name: `${name}: a connection to ${address}`, script: `tcp ${address} 80` },
    { name: `${name}: a datagram to ${address}`, script: `udp ${address} 53` },
  ]);
}

function hostAttacks({ place, self }: Scene): Attack[] {
  const { gateway, otherGateway, hostAddress, port } = place;
  return [
    { name: "a service of the host at the bridge's address", script: `tcp ${gateway} ${port}` },
    { name: "a service of the host at the bridge's address, by datagram", script: `udp ${gateway} ${port}` },
    { name: "a service of the host at the host's public address", script: `tcp ${hostAddress} ${port}` },
    { name: "a service of the host at another bridge's address", script: `tcp ${otherGateway} ${port}` },
    { name: 'the resolver of another bridge', script: `udp ${otherGateway} 53` },
    { name: 'the resolver of another bridge, by connection', script: `tcp ${otherGateway} 53` },
    {
      name: 'a connection whose first packet has strange flags',
      as: ROOT,
      script: `for f in 00 01 02 03 0a 22 2a 82 c2; do frame $tohost\${mac}0800$(syn ${self.address} ${gateway} ${port} $f); done`,
    },
    {
      name: 'the host by IPv6',
      as: ROOT,
      script: `frame $tohost\${mac}86dd6000000000081140${V6}2${V6}10009000900080000`,
    },
  ];
}

function slotAttacks({ self, victim, place }: Scene): Attack[] {
  const vmac = victim.mac.replaceAll(':', '');
  return [
    { name: 'another slot', script: `tcp ${victim.address} 22; udp ${victim.address} 9` },
    {
      name: 'another slot by way of the host',
      as: ROOT,
      script: `ip route add ${victim.address}/32 via ${place.gateway}; udp ${victim.address} 9; frame $tohost\${mac}0800$(ip4 ${self.address} ${victim.address}); ip route del ${victim.address}/32`,
    },
    {
      name: 'another slot by a frame to its card',
      as: ROOT,
      script: `frame ${vmac}\${mac}0800$(ip4 ${self.address} ${victim.address})`,
    },
    {
      name: 'all slots by a frame to everybody',
      as: ROOT,
      script: `frame ffffffffffff\${mac}0800$(ip4 ${self.address} 255.255.255.255)`,
    },
    {
      name: 'all slots by a multicast name',
      as: ROOT,
      script: `frame 01005e0000fb\${mac}0800$(ip4 ${self.address} 224.0.0.251 5353)`,
    },
    {
      name: 'giving addresses to other slots',
      as: ROOT,
      script: `perl -MSocket -e 'socket(S,2,2,0); setsockopt(S,1,6,1); bind(S,sockaddr_in(67,INADDR_ANY)); send(S,"x"x300,0,sockaddr_in(68,INADDR_BROADCAST)) or print $!'`,
    },
  ];
}

function trickAttacks({ self, victim, place }: Scene): Attack[] {
  const { private10, internet } = ADDRESSES;
  const gateway = hex(place.gateway);
  const victims = hex(victim.address);
  const vmac = victim.mac.replaceAll(':', '');
  return [
    {
      name: 'the address of another slot as its own',
      as: ROOT,
      script: `frame $tohost\${mac}0800$(ip4 ${victim.address} ${internet})`,
    },
    {
      name: "somebody else's address as its own",
      as: ROOT,
      script: `frame $tohost\${mac}0800$(ip4 10.9.9.9 ${internet})`,
    },
    {
      name: 'changing its address',
      as: ROOT,
      script: `ip addr add ${neighbour(self.address)}/24 dev eth0; ip route add ${internet}/32 via ${place.gateway} src ${neighbour(self.address)}; udp ${internet} 9; ip route del ${internet}/32; ip addr del ${neighbour(self.address)}/24 dev eth0`,
    },
    {
      name: 'another card number in a frame',
      as: ROOT,
      script: `frame \${tohost}0200000000010800$(ip4 ${self.address} ${internet})`,
    },
    {
      name: 'a second card on its own (macvlan)',
      as: ROOT,
      script: `ip link add m0 link eth0 type macvlan mode bridge && ip addr add ${neighbour(self.address)}/24 dev m0 && ip link set m0 up && timeout 2 bash -c 'exec 3<>/dev/tcp/${place.gateway}/${place.port}'; frame \${tohost}0200000000020800$(ip4 ${self.address} ${internet}); ip link del m0`,
    },
    {
      name: 'telling the host that another slot is here (ARP)',
      as: ROOT,
      script: `frame $tohost\${mac}08060001080006040002\${mac}${victims}\${tohost}${gateway}; frame ffffffffffff\${mac}08060001080006040001\${mac}${victims}000000000000${gateway}`,
    },
    {
      name: 'telling other slots that the host is here (ARP)',
      as: ROOT,
      script: `frame ffffffffffff\${mac}08060001080006040002\${mac}${gateway}ffffffffffff${gateway}; frame ${vmac}\${mac}08060001080006040002\${mac}${gateway}${vmac}${victims}`,
    },
    {
      name: 'a private address in a frame of a virtual LAN',
      as: ROOT,
      script: `frame $tohost\${mac}810000010800$(ip4 ${self.address} ${private10}); frame $tohost\${mac}810000000800$(ip4 ${self.address} ${private10}); frame $tohost\${mac}88a80001810000010800$(ip4 ${self.address} ${private10}); ip link add v0 link eth0 type vlan id 5 && ip link set v0 up && ip route add ${private10}/32 dev v0 && udp ${private10} 53; ip link del v0`,
    },
    {
      name: 'a private address by source routing',
      as: ROOT,
      script: `frame $tohost\${mac}0800$(ip4 ${self.address} ${internet} 9 8307040a624c0100)`,
    },
    {
      name: 'a private address in a later fragment',
      as: ROOT,
      script: `frame $tohost\${mac}0800$(FRAGMENT=3 ip4 ${self.address} ${private10})`,
    },
    {
      name: 'a private address by other protocols',
      as: ROOT,
      script: `for p in 1 4 41 47 132; do raw ${private10} $p 0800f7fd0000000100000000; done`,
    },
    {
      name: 'a private address after flushing every rule that it can see',
      as: ROOT,
      script: `nft flush ruleset; iptables -F; ip rule flush; ip rule add pref 1 lookup main; ip link set eth0 promisc on; tcp ${private10} 80; ip link set eth0 promisc off`,
    },
  ];
}

/** Attacks on a slot that reaches nothing but what is named. */
export function closedAttacks(scene: Scene): Attack[] {
  const { internet, resolver } = ADDRESSES;
  return [
    { name: 'the internet', script: `tcp ${internet} 80` },
    { name: 'the internet, by datagram', script: `udp ${internet} 53` },
    { name: 'a foreign resolver', script: `udp ${resolver} 53` },
    { name: "the bridge's resolver", script: `udp ${scene.place.gateway} 53` },
    { name: "the bridge's resolver, by connection", script: `tcp ${scene.place.gateway} 53` },
    { name: 'an echo', as: ROOT, script: `raw ${internet} 1 0800f7fd00000001` },
  ];
}

/** Another address of the same network, that is nobody's. */
function neighbour(address: string): string {
  const parts = address.split('.');
  return [...parts.slice(0, 3), parts[3] === '240' ? '241' : '240'].join('.');
}

function hex(address: string): string {
  return address
    .split('.')
    .map(part => Number(part).toString(16).padStart(2, '0'))
    .join('');
}

/** All but the last digit of an address of the cable. */
const V6 = `fe80${'0'.repeat(27)}`;
