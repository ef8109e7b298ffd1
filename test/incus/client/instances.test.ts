import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IncusError } from '../../../server/incus/errors.ts';
import { destroy } from '../../../server/slots/lifecycle.ts';
import { connect, isFailure, removeAfter, tempInstance, testImage, uniqueName, until } from '../support.ts';

test('instances', async t => {
  const incus = await connect(t);
  const alias = await testImage(incus);

  await t.test('create, read, stop, start, freeze and delete', async u => {
    const began = Date.now();
    const name = await tempInstance(u, incus, { config: { 'user.note': 'a ü "b"', 'limits.memory': '512MiB' } });
    const found = await incus.instance(name);
    assert.ok(found);
    const { instance } = found;
    assert.equal(instance.name, name);
    assert.ok(instance.running && !instance.frozen);
    assert.equal(instance.config['user.note'], 'a ü "b"');
    assert.equal(instance.ephemeral, false);
    assert.deepEqual(instance.profiles, ['default']);
    assert.equal(instance.expandedDevices.root?.path, '/');
    assert.equal(instance.imageFingerprint, (await incus.imageByAlias(alias))?.fingerprint);
    assert.ok((await incus.instances()).some(i => i.name === name));

    const state = await until(
      'an address',
      async () => {
        const s = await incus.instanceState(name);
        return s.ip !== undefined && s;
      },
      60_000,
    );
    assert.ok(state.pid > 0 && state.processes > 0 && state.memoryBytes > 0 && state.cpuNanoseconds > 0);
    assert.equal(state.memoryTotalBytes, 512 * 1024 * 1024);
    assert.ok(Date.parse(state.startedAt ?? '') > began - 2000, `started at ${state.startedAt}`);

    await incus.setState(name, 'freeze');
    await incus.setState(name, 'freeze');
    assert.equal((await incus.instance(name))?.instance.frozen, true);
    await assert.rejects(incus.exec(name, ['true']), isFailure('conflict', /frozen/));
    await incus.setState(name, 'unfreeze');
    await assert.rejects(incus.deleteInstance(name), isFailure('conflict', /running/));
    await incus.setState(name, 'stop', { force: true });
    await incus.setState(name, 'stop', { force: true });
    await incus.setState(name, 'stop');
    assert.equal((await incus.instanceState(name)).pid, 0);
    await incus.setState(name, 'start');
    await incus.setState(name, 'start');
    // A request to shut down that comes before the guest's init listens is lost.
    await until(
      'systemd is up',
      async () => (await incus.exec(name, ['pidof', 'systemd-logind'])).exitCode === 0,
      60_000,
    );
    await incus.setState(name, 'stop', { timeout: 60 });
    await incus.deleteInstance(name);
    await incus.deleteInstance(name);
    assert.equal(await incus.instance(name), undefined);
  });

  await t.test('a stop just when the guest powers itself off is a success', async u => {
    const name = await tempInstance(u, incus);
    const off = incus.exec(name, ['systemctl', 'poweroff', '-ff']);
    await Promise.allSettled([off, incus.setState(name, 'stop', { force: true })]);
    await incus.setState(name, 'stop', { force: true });
    await destroy(incus, name);
    assert.equal(await incus.instance(name), undefined);
  });

  await t.test('a graceful stop that takes too long is a timeout', async u => {
    const name = await tempInstance(u, incus);
    await until('systemd is up', async () => (await incus.exec(name, ['pidof', 'systemd-journald'])).exitCode === 0);
    // The guest's init no longer hears the request to shut down.
    await incus.exec(name, ['systemctl', 'mask', '--now', 'poweroff.target', 'halt.target', 'reboot.target']);
    await incus.exec(name, ['systemctl', 'mask', 'shutdown.target', 'sigpwr.target']);
    await assert.rejects(incus.setState(name, 'stop', { timeout: 1 }), isFailure('timeout', /within 1 s/));
  });

  await t.test('of ten creations of one name one succeeds, the others are conflicts', async u => {
    const name = uniqueName();
    removeAfter(u, name);
    const create = async () => {
      const all = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) =>
          incus.createInstance({ name, source: { alias }, config: { 'user.by': String(i) }, start: i % 2 === 0 }),
        ),
      );
      const failures = all.flatMap(result => (result.status === 'rejected' ? [result.reason] : []));
      for (const failure of failures) {
        assert.ok(failure instanceof IncusError);
        assert.equal(failure.kind, 'conflict', failure.message);
        assert.equal(failure.reason, 'exists');
      }
      return 10 - failures.length;
    };
    // Incus sometimes turns all of them away.
    assert.equal(await until('one is made', create), 1);
    assert.ok(await incus.instance(name), 'the one that was made is still there');
  });

  await t.test('a failed creation says why, and touches nothing of another one of that name', async u => {
    const name = await tempInstance(u, incus, { start: false });
    const before = await incus.instance(name);
    await assert.rejects(incus.createInstance({ name, source: { alias: 'no-such' } }), isFailure('not-found'));
    await assert.rejects(incus.createInstance({ name, source: { alias }, start: true }), isFailure('conflict'));
    assert.equal((await incus.instance(name))?.etag, before?.etag);
    await assert.rejects(
      incus.createInstance({ name: uniqueName(), source: { fingerprint: '0123456789ab' } }),
      isFailure('not-found', /image/i),
    );
    await assert.rejects(incus.createInstance({ name: 'under_score', source: { alias } }), isFailure('invalid'));
    const wrong = { name: uniqueName(), source: { alias } };
    await assert.rejects(incus.createInstance({ ...wrong, config: { 'limits.memory': 'much' } }), isFailure('config'));
    await assert.rejects(incus.createInstance({ ...wrong, profiles: ['no-such'] }), isFailure('not-found'));
    assert.equal(await incus.instance(wrong.name), undefined);
  });

  await t.test('a start that fails leaves no half-made instance and gives the reason', async () => {
    const name = uniqueName();
    const devices = { w: { type: 'disk', source: '/proc/self/no-such-directory', path: '/w' } };
    await assert.rejects(incus.createInstance({ name, source: { alias }, devices, start: true }));
    assert.equal(await incus.instance(name), undefined);
    const config = { 'raw.idmap': 'uid 3456789 1000' };
    await assert.rejects(
      incus.createInstance({ name, source: { alias }, config, start: true }),
      isFailure('config', /subid|idmap/),
    );
    assert.equal(await incus.instance(name), undefined);
    // Without a network card: Incus would leave its cable on the host.
    const hook = { config: { 'raw.lxc': 'lxc.hook.pre-start=/bin/false' }, devices: { eth0: { type: 'none' } } };
    await assert.rejects(incus.createInstance({ name, source: { alias }, ...hook, start: true }), error => {
      assert.ok(error instanceof IncusError);
      assert.match(error.detail ?? '', /pre-start|hook/);
      return true;
    });
    assert.equal(await incus.instance(name), undefined);
  });

  await t.test('a creation that is given up at any moment leaves nothing', async () => {
    let took = 0;
    for (const part of [1.5, 0, 0.02, 0.1, 0.25, 0.5, 0.75]) {
      const name = uniqueName();
      const began = performance.now();
      const signal = part > 1 ? undefined : AbortSignal.timeout(Math.round(took * part));
      const created = incus.createInstance(
        { name, source: { alias }, start: true },
        signal === undefined ? {} : { signal },
      );
      const end = await created.then(
        () => 'made',
        (error: unknown) => error,
      );
      // How long a whole one takes is not known before; a later one may be faster than the first.
      took ||= performance.now() - began;
      if (end === 'made') {
        const whole = performance.now() - began;
        await incus.setState(name, 'stop', { force: true });
        await incus.deleteInstance(name);
        assert.ok(signal === undefined || whole <= took, `given up after ${part} of the time and made all the same`);
        took = whole;
      } else isFailure('cancelled')(end);
      assert.equal(await incus.instance(name), undefined, `given up after ${part} of the time`);
    }
  });

  await t.test('PATCH merges, deletes with an empty value, and respects the etag', async u => {
    const config = { 'user.a': '1', 'user.b': '2' };
    const name = await tempInstance(u, incus, { start: false, description: 'kept', config });
    // Incus may still note something about an instance that it just made.
    const first = await until('a change of what was read', async () => {
      const found = await incus.instance(name);
      assert.ok(found);
      const change = incus.patchInstance(name, { config: { 'user.a': '', 'user.c': '3' } }, { etag: found.etag });
      return change.then(() => found, isFailure('conflict')).then(answer => answer !== true && answer);
    });
    const second = await incus.instance(name);
    assert.equal(second?.instance.description, 'kept');
    assert.deepEqual(
      ['user.a', 'user.b', 'user.c'].map(key => second?.instance.config[key]),
      [undefined, '2', '3'],
    );
    await assert.rejects(incus.patchInstance(name, { config: { 'user.d': '4' } }, { etag: first.etag }), error => {
      assert.ok(error instanceof IncusError);
      assert.equal(error.reason, 'changed');
      return isFailure('conflict')(error);
    });
    assert.equal((await incus.instance(name))?.instance.config['user.d'], undefined);
    await assert.rejects(incus.patchInstance(uniqueName(), { config: {} }), isFailure('not-found'));
  });

  await t.test('one of several that claim with the same etag wins', async u => {
    const name = await tempInstance(u, incus, { start: false });
    const claim = async () => {
      const etag = (await incus.instance(name))?.etag ?? '';
      const claims = await Promise.allSettled(
        ['a', 'b', 'c', 'd', 'e'].map(by => incus.patchInstance(name, { config: { 'user.claim': by } }, { etag })),
      );
      return claims.filter(one => one.status === 'fulfilled').length;
    };
    // None does if Incus notes something about the new instance at that moment.
    assert.equal(await until('one wins', claim), 1);
  });

  await t.test('a change of the whole is made again when others change the instance meanwhile', async u => {
    const devices = { n: { type: 'none' }, m: { type: 'none' } };
    const name = await tempInstance(u, incus, { start: false, devices });
    await Promise.all([
      incus.putInstance(name, definition => ({ ...definition, devices: { m: { type: 'none' } } })),
      ...['a', 'b', 'c'].map(key => incus.patchInstance(name, { config: { [`user.${key}`]: key } })),
    ]);
    const after = (await incus.instance(name))?.instance;
    assert.deepEqual(Object.keys(after?.devices ?? {}), ['m']);
    assert.deepEqual(
      ['user.a', 'user.b', 'user.c'].map(key => after?.config[key]),
      ['a', 'b', 'c'],
    );
    await assert.rejects(
      incus.putInstance(uniqueName(), definition => definition),
      isFailure('not-found'),
    );
  });

  await t.test('the operations that run are listed, and those that ended are not', async u => {
    const name = await tempInstance(u, incus);
    const handle = await incus.execStream(name, ['cat'], { onStdout() {} });
    const mine = () => incus.operations().then(all => all.filter(o => o.instances.includes(name)));
    assert.equal((await mine()).length, 1);
    handle.end();
    await handle.result;
    await until('it ended', async () => (await mine()).length === 0);
  });
});
