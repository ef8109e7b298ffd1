import assert from 'node:assert/strict';
import { createServer, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../../server/base/log.ts';
import { Incus } from '../../../server/incus/client.ts';
import { findSocket } from '../../../server/incus/target.ts';
import type { IncusEvent } from '../../../server/incus/types/event.ts';
import { connect, tempDirectory, tempInstance, until } from '../support.ts';

test('events', async t => {
  const incus = await connect(t);

  await t.test('tell what happens to an instance, without the noise', async u => {
    const seen = watch(u, incus);
    await until('connected', () => seen.opened === 1);
    const name = await tempInstance(u, incus);
    assert.ok(await incus.readFile(name, '/etc/passwd'));
    await incus.patchInstance(name, { config: { 'user.note': 'x' } });
    await incus.setState(name, 'stop', { force: true });
    const mine = () => seen.events.flatMap(e => (e.type === 'lifecycle' && e.instance === name ? [e.action] : []));
    const wanted = ['instance-created', 'instance-started', 'instance-updated', 'instance-stopped'];
    await until(
      () => `${wanted} in ${mine()}`,
      () => wanted.every(action => mine().includes(action)),
    );
    assert.ok(!mine().some(action => action.startsWith('instance-file-')));
    const operations = () => seen.events.flatMap(e => (e.type === 'operation' ? [e.operation] : []));
    const created = () => operations().filter(o => o.instances.includes(name) && o.description === 'Creating instance');
    await until('its end is told', () => created().some(o => o.finished && o.statusCode === 200));
    assert.ok(!created().some(o => !o.finished && Object.keys(o.metadata).some(key => key.endsWith('_progress'))));
    const stopped = seen.events.find(
      e => e.type === 'lifecycle' && e.instance === name && e.action === 'instance-stopped',
    );
    assert.ok(stopped?.type === 'lifecycle' && stopped.source === `/1.0/instances/${name}` && stopped.requestor);
  });

  await t.test('come again after the connection was lost, and after a while without a daemon', async u => {
    const relay = await startRelay(u);
    const through = new Incus({ socketPath: relay.path, project: 'default' }, silentLog);
    u.after(() => through.close());
    const seen = watch(u, through);
    await until('connected', () => seen.opened === 1);
    relay.cut();
    await until('connected again', () => seen.opened >= 2);
    assert.ok(seen.closed.length >= 1);

    await relay.stop();
    const [opened, closed] = [seen.opened, seen.closed.length];
    await until('it tries', () => seen.closed.length >= closed + 2);
    await assert.rejects(through.instances(), { kind: 'unavailable' });
    assert.equal((await through.availability()).status, 'unavailable');
    await relay.start();
    await until('connected again', () => seen.opened > opened);
    assert.equal((await through.availability()).status, 'ready');
    const name = await tempInstance(u, incus, { start: false });
    await until('an event', () => seen.events.some(e => e.type === 'lifecycle' && e.instance === name));
  });

  await t.test('a connection that has gone silent is replaced', async u => {
    const relay = await startRelay(u);
    const through = new Incus({ socketPath: relay.path, project: 'default' }, silentLog);
    u.after(() => through.close());
    const seen = watch(u, through, 2000);
    await until('connected', () => seen.opened >= 1);
    relay.silence();
    await until('given up', () => seen.closed.some(reason => /no sign of life/.test(reason)));
    await until('connected again', () => seen.opened >= 2);
  });

  await t.test('nothing comes after close', async u => {
    const seen = watch(u, incus);
    await until('connected', () => seen.opened === 1);
    seen.close();
    const before = seen.events.length;
    await tempInstance(u, incus, { start: false });
    assert.deepEqual([seen.events.length, seen.closed.length], [before, 0]);
  });

  await t.test('a request that runs settles when the connection is cut', async u => {
    const relay = await startRelay(u);
    const through = new Incus({ socketPath: relay.path, project: 'default' }, silentLog);
    u.after(() => through.close());
    const name = await tempInstance(u, incus);
    const running = through.exec(name, ['sleep', '1000']);
    await until('it runs', async () => (await incus.exec(name, ['pgrep', '-x', 'sleep'])).exitCode === 0);
    relay.cut();
    await assert.rejects(running, { kind: 'unavailable' });
    await until('it was ended', async () => (await incus.exec(name, ['pgrep', '-x', 'sleep'])).exitCode === 1);
  });
});

function watch(t: TestContext, incus: Incus, silence?: number) {
  const seen = { opened: 0, closed: [] as string[], events: [] as IncusEvent[], close: () => {} };
  const subscription = incus.events(
    {
      onOpen() {
        seen.opened++;
      },
      onEvent: event => void seen.events.push(event),
      onClose: reason => void seen.closed.push(reason),
    },
    silence === undefined ? {} : { silence },
  );
  seen.close = () => subscription.close();
  t.after(seen.close);
  return seen;
}

/** A socket of its own that passes everything on to the daemon's, until it is cut, silenced or stopped. */
async function startRelay(t: TestContext) {
  const path = join(await tempDirectory(t), 'relay.socket');
  const target = await findSocket();
  const pairs = new Set<[Socket, Socket]>();
  const server = createServer(near => {
    const far = dial(target);
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    near.pipe(far).pipe(near);
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => {
        for (const other of pair) other.destroy();
        pairs.delete(pair);
      });
    }
  });
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  const start = () => new Promise<void>(resolve => void server.listen(path, resolve));
  const stop = () => {
    const closed = new Promise<void>(resolve => void server.close(() => resolve()));
    cut();
    return closed;
  };
  await start();
  t.after(() => (server.listening ? stop() : undefined));
  return {
    path,
    cut,
    start,
    stop,
    silence() {
      for (const [near, far] of pairs) {
        far.unpipe(near);
        far.resume();
      }
    },
  };
}
