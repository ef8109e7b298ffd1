import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, parseCidr } from '../../../server/network/ipv4.ts';
import { hasLocal, hasRoute, holdsAddress } from '../../../server/network/kernel-routes.ts';

const ROUTE = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
br0	004D7B0A	00000000	0001	0	0	0	00FFFFFF	0	0	0
br1	00000A0A	010200C0	0003	0	0	0	00FFFFFF	0	0	0
`;
const TRIE = `Main:
  +-- 0.0.0.0/0 4 1 13
           +-- 10.123.77.0/31 1 0 0
              |-- 10.123.77.0
                 /24 link UNICAST
              |-- 10.123.77.1
                 /32 host LOCAL
           |-- 10.123.77.255
              /32 link BROADCAST
`;

const cidr = (text: string) => parseCidr(text) ?? assert.fail(text);
const address = (text: string) => parseAddress(text) ?? assert.fail(text);

test('a network is behind an interface as the kernel says, without a gateway', () => {
  assert.equal(hasRoute(ROUTE, 'br0', cidr('10.123.77.0/24')), true);
  assert.equal(hasRoute(ROUTE, 'br0', cidr('10.123.77.0/25')), false, 'another size');
  assert.equal(hasRoute(ROUTE, 'br0', cidr('10.123.78.0/24')), false, 'another network');
  assert.equal(hasRoute(ROUTE, 'eth0', cidr('10.123.77.0/24')), false, 'another interface');
  assert.equal(hasRoute(ROUTE, 'br1', cidr('10.10.0.0/24')), false, 'by way of somebody else');
});

test('an address is one of this machine as the kernel says', () => {
  assert.equal(hasLocal(TRIE, address('10.123.77.1')), true);
  assert.equal(hasLocal(TRIE, address('10.123.77.0')), false);
  assert.equal(hasLocal(TRIE, address('10.123.77.255')), false);
  assert.equal(hasLocal(TRIE, address('10.123.77.2')), false);
});

test('an interface that is not there holds nothing', async () => {
  assert.equal(await holdsAddress('no-such-bridge', address('127.0.0.1'), cidr('127.0.0.0/8')), false);
});
