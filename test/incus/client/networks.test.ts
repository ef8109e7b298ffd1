import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, isFailure, tempInstance, uniqueName, until } from '../support.ts';

test('networks, pools and profiles', async t => {
  const incus = await connect(t);

  await t.test('the address of a container is among the leases', async u => {
    const name = await tempInstance(u, incus);
    const network = (await incus.instance(name))?.instance.expandedDevices.eth0?.network ?? '';
    assert.equal((await incus.network(network))?.managed, true);
    assert.equal(await incus.network(uniqueName()), undefined);
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
    assert.ok((await incus.pool(pool))?.driver);
    const { space } = await incus.poolResources(pool);
    assert.ok(space && space.total > space.used && space.used > 0);
    assert.equal(await incus.pool(uniqueName()), undefined);
    assert.equal(await incus.profile(uniqueName()), undefined);
    await assert.rejects(incus.poolResources(uniqueName()), isFailure('not-found'));
  });
});
