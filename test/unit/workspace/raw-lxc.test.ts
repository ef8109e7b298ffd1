import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeFragments } from '../../../server/flows/merge-fragments.ts';
import { hookLines } from '../../../server/network/hook.ts';
import { rulesOf } from '../../../server/network/rules.ts';
import { workspaceFragment } from '../../../server/workspace/fragment.ts';
import { guardLine } from '../../../server/workspace/mount-guard.ts';
import { hookLines as lockLines } from '../../../server/workspace/protection/hooks.ts';
import { isFailure } from '../../incus/support.ts';

const PLACE = { bridge: 'x', address: '192.0.2.2', gateway: '192.0.2.1', subnet: '192.0.2.0/24' };
const POLICY = {
  ...{ mode: 'restricted' as const, allow: [], blockPrivate: true, blockMetadata: true, allowLocal: false },
  ...{ resolvers: [], ports: [], hosts: [] },
};
const EVIL = "/home/u/a' b\nlxc.hook.pre-start = /bin/sh -c 'touch /owned' x 'y";

/** Every kind of line that rooms make, for a folder of that name. */
function fragments(source: string) {
  const ws = { path: '/home/u/p', real: source, identity: '1:2', uid: 0, gid: 0, rootOwned: true };
  const o = { container: 'c', preserve: false, codeUid: 1000, codeGid: 1000 };
  const mount = { device: 'mount-0', source, path: source, identity: '1:2' };
  const tree = { device: 'workspace', source, path: source, inode: '2', identity: '1:2', uid: 0, gid: 0, items: [] };
  const at = { instance: 'c', incusDir: '/var/lib/incus' };
  return {
    guard: { config: { 'raw.lxc': guardLine([mount], at) } },
    lock: { config: { 'raw.lxc': lockLines([tree], { ...at, owner: '0:0', flags: true }) } },
    idmapped: workspaceFragment(ws, { ...o, mounts: [mount] }),
    limits: { config: { 'raw.lxc': 'lxc.mount.entry = tmpfs tmp tmpfs rw,nosuid,nodev,mode=1777,size=1024 0 0' } },
    network: { config: { 'raw.lxc': hookLines('c', PLACE, rulesOf(POLICY, PLACE)) } },
  };
}

test('the lines that the rooms make are whole, also with blanks, quotes and unicode in the name of a folder', () => {
  for (const name of ['/home/u/p', `/home/u/-my "ä' $(id) \\ ~project #1`]) {
    const parts = fragments(name);
    const { config } = mergeFragments(...Object.values(parts));
    assert.equal(config['raw.lxc']?.split('\n').length, 13);
  }
});

test('no name of a folder becomes a line of LXC’s configuration', () => {
  for (const [room, fragment] of Object.entries(fragments(EVIL))) {
    if (room === 'limits' || room === 'network') continue;
    assert.throws(() => mergeFragments(fragment), isFailure('isolation'), room);
  }
  const rules = { outward: [`ip daddr 192.0.2.1\n' lxc.hook.stop = x`], inward: [] };
  const config = { 'raw.lxc': hookLines('c', PLACE, rules) };
  assert.throws(() => mergeFragments({ config }), isFailure('isolation'));
});
