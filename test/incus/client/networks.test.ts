import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { connect, isFailure, tempInstance, uniqueName, until } from '../support.ts';

test('networks, ACLs, pools and profiles', async t => {
  const incus = await connect(t);

  await t.test('a bridge with an ACL is made, changed and deleted', async u => {
    const network = `iat${randomInt(10_000_000)}`;
    const acl = uniqueName();
    u.after(() => incus.deleteAcl(acl));
    u.after(() => incus.deleteNetwork(network));
    const subnet = `10.${randomInt(130, 250)}.${randomInt(250)}.1/24`;
    await incus.createNetwork({
      name: network,
      description: 'of a test',
      config: { 'ipv4.address': subnet, 'ipv4.nat': 'false', 'ipv6.address': 'none' },
    });
    await assert.rejects(incus.createNetwork({ name: network }), isFailure('conflict'));
    const drop = { action: 'drop', state: 'enabled', destination: '192.168.0.0/16' } as const;
    await incus.createAcl(acl, { description: 'd', egress: [drop], ingress: [] });
    await assert.rejects(incus.createAcl(acl, { egress: [], ingress: [] }), isFailure('conflict'));
    assert.deepEqual((await incus.acl(acl))?.egress, [drop]);

    const etag = (await incus.network(network))?.etag ?? '';
    await incus.patchNetwork(network, { 'security.acls': acl }, { etag });
    await assert.rejects(incus.patchNetwork(network, { 'user.x': 'y' }, { etag }), isFailure('conflict'));
    await assert.rejects(incus.deleteAcl(acl), isFailure('conflict'));
    const allow = {
      action: 'allow',
      state: 'enabled',
      destination: '192.168.1.1',
      protocol: 'tcp',
      destination_port: '443',
    };
    await incus.putAcl(acl, { egress: [drop, { ...allow, action: 'allow', state: 'enabled' }], ingress: [] });
    assert.equal((await incus.acl(acl))?.egress.length, 2);
    assert.equal((await incus.acls()).find(a => a.name === acl)?.usedBy.length, 1);

    const found = await incus.network(network);
    assert.deepEqual([found?.managed, found?.type, found?.description], [true, 'bridge', 'of a test']);
    assert.equal(found?.config['security.acls'], acl);
    const state = await incus.networkState(network);
    assert.ok(state.addresses.some(a => `${a.address}/${a.netmask}` === subnet));
    await incus.patchNetwork(network, { 'security.acls': '' });
    await incus.deleteNetwork(network);
    await incus.deleteNetwork(network);
    await incus.deleteAcl(acl);
    await incus.deleteAcl(acl);
    assert.equal(await incus.network(network), undefined);
    assert.equal(await incus.acl(acl), undefined);
  });

  await t.test('the address of a container is among the leases', async u => {
    const name = await tempInstance(u, incus);
    const network = (await incus.instance(name))?.instance.expandedDevices.eth0?.network ?? '';
    assert.ok((await incus.networks()).some(n => n.name === network && n.managed));
    const lease = await until(
      'a lease',
      async () => (await incus.networkLeases(network)).find(l => l.hostname === name && l.type === 'dynamic'),
      60_000,
    );
    await until('the address', async () =>
      (await incus.instanceState(name)).addresses.some(a => a.address === lease.address),
    );
  });

  await t.test('pools have space, and the default profile a root disk', async () => {
    const profile = await incus.profile('default');
    const pool = profile?.devices.root?.pool ?? '';
    assert.ok((await incus.pools()).some(p => p.name === pool));
    assert.ok((await incus.pool(pool))?.driver);
    const { space } = await incus.poolResources(pool);
    assert.ok(space && space.total > space.used && space.used > 0);
    assert.ok((await incus.profiles()).some(p => p.name === 'default'));
    assert.equal(await incus.pool(uniqueName()), undefined);
    assert.equal(await incus.profile(uniqueName()), undefined);
    await assert.rejects(incus.poolResources(uniqueName()), isFailure('not-found'));
  });
});
