import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROGRAM_PATH } from '../../../server/base/programs.ts';
import { isAlive, keyOf, takeMutex } from '../../../server/connections/place.ts';
import { alive, dial, errorOf, initialize, start, temporary, tryConnect, until } from './harness.ts';

const UID = process.getuid?.() ?? 0;

test('ten simultaneous starts end in one backend', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const started = Array.from({ length: 10 }, () => start(t, home, ['--socket', socket]));
  const { rpc } = await dial(t, socket);
  const { server } = await initialize(rpc);
  const losers = started.filter(({ pid }) => pid !== server.pid);
  assert.equal(losers.length, 9);
  for (const { exited, stderr } of losers) assert.equal(await exited, 0, stderr());
  assert.ok(alive(server.pid));
});

test('whoever holds the mutex is waited for', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const key = keyOf({ uid: UID, home });
  const mutex = await takeMutex(key);
  assert.ok(mutex);
  t.after(() => mutex.close());
  assert.equal(await takeMutex(key), undefined);
  const { pid } = start(t, home, ['--socket', socket]);
  await until('its directory', () => existsSync(join(home, 'run')));
  const before = performance.now();
  await until('some time', () => performance.now() - before > 500);
  assert.equal(existsSync(socket), false);
  mutex.close();
  const { server } = await initialize((await dial(t, socket)).rpc);
  assert.equal(server.pid, pid);
});

test('after a kill -9 the next start works at once, over the stale socket', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const first = start(t, home, ['--socket', socket]);
  await initialize((await dial(t, socket)).rpc);
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  assert.ok(existsSync(socket));
  const second = start(t, home, ['--socket', socket]);
  const { server } = await initialize((await dial(t, socket)).rpc);
  assert.equal(server.pid, second.pid);
});

test('its place, its files and its environment are its own', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const { pid } = start(t, home, ['--socket', socket, '--incus-project', 'p']);
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  assert.equal(lstatSync(join(home, 'run')).mode & 0o777, 0o700);
  assert.equal(lstatSync(socket).mode & 0o777, 0o600);
  assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/');
  const { text } = await rpc.sendRequest<{ text: string }>('slot/capture', { container: 'process' });
  const told = JSON.parse(text);
  assert.deepEqual(Object.keys(told.env).sort(), ['HOME', 'PATH']);
  assert.equal(told.env.PATH, PROGRAM_PATH, 'an activated environment names programs that an agent can write');
  assert.equal(told.key, keyOf({ uid: UID, home, incusProject: 'p' }));
  assert.ok(await isAlive(told.key));
  const ask = (key: string) => rpc.sendRequest('slot/capture', { container: 'alive', text: key });
  assert.deepEqual(await ask(told.key), { text: 'true' });
  assert.deepEqual(await ask('another'), { text: 'false' });
});

test('a directory that others can use is refused', async t => {
  const home = temporary(t);
  const refused = async (directory: string, expected: RegExp) => {
    const { exited, stderr } = start(t, home, ['--socket', join(home, directory, 's.sock')]);
    assert.equal(await exited, 1);
    assert.match(stderr(), expected);
    assert.equal(existsSync(join(home, directory, 's.sock')), false);
  };
  mkdirSync(join(home, 'open'));
  chmodSync(join(home, 'open'), 0o755);
  await refused('open', /is open to other users/);
  writeFileSync(join(home, 'file'), '');
  await refused('file', /EEXIST|not a directory/);
  await refused('x'.repeat(120), /107 bytes/);
});

test("somebody else's directory is refused", { skip: UID !== 0 && 'needs root' }, async t => {
  const home = temporary(t);
  const directory = join(home, 'foreign');
  mkdirSync(directory, { mode: 0o700 });
  const { chownSync, symlinkSync } = await import('node:fs');
  chownSync(directory, 12_345, 12_345);
  symlinkSync(temporary(t), join(home, 'link'));
  const foreign = start(t, home, ['--socket', join(directory, 's.sock')]);
  assert.equal(await foreign.exited, 1);
  assert.match(foreign.stderr(), /belongs to another user \(uid 12345\)/);
  const link = start(t, home, ['--socket', join(home, 'link', 's.sock')]);
  assert.equal(await link.exited, 1);
  assert.match(link.stderr(), /is not a directory/);
});

test('it exits when nobody has been there for a while, and not before', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const { exited, pid } = start(t, home, ['--socket', socket, '--idle-exit', '1']);
  const client = await dial(t, socket);
  await initialize(client.rpc);
  const before = performance.now();
  await client.rpc.sendRequest('slot/stop', { container: 'a', timeout: 1500 });
  assert.ok(alive(pid));
  client.socket.destroy();
  assert.equal(await exited, 0);
  assert.ok(performance.now() - before > 2400);
  assert.equal(existsSync(socket), false);
});

test('it exits when no client ever comes', async t => {
  const home = temporary(t);
  const { exited } = start(t, home, ['--socket', join(home, 'run', 's.sock'), '--idle-exit', '0.2']);
  assert.equal(await exited, 0);
});

test('work and duties keep it', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const dutiful = start(t, home, ['--socket', socket, '--idle-exit', '0.1', '--duty', 'protection']);
  const busy = start(t, temporary(t), ['--socket', join(home, 'run', 'b.sock'), '--idle-exit', '1']);
  const { rpc, socket: peer } = await dial(t, join(home, 'run', 'b.sock'));
  await initialize(rpc);
  const before = performance.now();
  void rpc.sendRequest('slot/stop', { container: 'a', timeout: 3000 }).catch(() => {});
  await rpc.sendRequest('state/get', {});
  peer.destroy();
  await until('some time', () => performance.now() - before > 2000);
  assert.ok(existsSync(join(home, 'run', 'b.sock')), 'it is still to be found');
  assert.equal(await busy.exited, 0);
  assert.ok(performance.now() - before > 2900);
  assert.ok(alive(dutiful.pid), 'a duty keeps it');
});

test('without permission it goes with its last client, whatever its duties', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const args = ['--socket', socket, '--permission', 'lost', '--duty', 'protection'];
  const { exited } = start(t, home, args);
  await until('the socket', () => existsSync(socket));
  const before = performance.now();
  await until('some time', () => performance.now() - before > 200);
  const client = await tryConnectUntil(socket);
  client.destroy();
  assert.equal(await exited, 0);
});

test('it exits when its directory goes, and makes its socket again when only that goes', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const { exited } = start(t, home, ['--socket', socket]);
  const first = await dial(t, socket);
  await initialize(first.rpc);
  rmSync(socket);
  const second = await dial(t, socket);
  assert.ok(await initialize(second.rpc));
  assert.ok(await first.rpc.sendRequest('state/get', {}));
  rmSync(join(home, 'run'), { recursive: true });
  assert.equal(await exited, 0);
});

test('a drain refuses new work, lets the old finish, and goes', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const { exited } = start(t, home, ['--socket', socket]);
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  const slow = rpc.sendRequest('slot/stop', { container: 'a', timeout: 700 });
  const newer = await dial(t, socket);
  // Also one that does not speak our protocol can ask for it.
  assert.deepEqual(await newer.rpc.sendRequest('backend/drain', {}), {});
  await until('the door is closed', () => !existsSync(socket));
  assert.equal((await errorOf(rpc.sendRequest('state/get', {}))).code, -31001);
  assert.deepEqual(await slow, {});
  assert.equal(await exited, 0);
});

test('a drain undoes after 10 s what does not finish', { timeout: 20_000 }, async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const notes = join(home, 'notes');
  const { exited } = start(t, home, ['--socket', socket]);
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  const pending = errorOf(rpc.sendRequest('slot/start', { container: notes }));
  await until('started', () => existsSync(notes));
  const before = performance.now();
  await rpc.sendRequest('backend/drain', {});
  assert.equal((await pending).code, -31001);
  const took = performance.now() - before;
  assert.ok(took > 9_000 && took < 11_000, `${took} ms`);
  assert.equal(await exited, 0);
  assert.equal(readFileSync(notes, 'utf8'), 'started\nundone\n');
});

test('a start waits for a predecessor that is draining', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const older = start(t, home, ['--socket', socket]);
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  void rpc.sendRequest('slot/stop', { container: 'a', timeout: 1000 }).catch(() => {});
  await rpc.sendRequest('backend/drain', {});
  await until('the door is closed', () => !existsSync(socket));
  const newer = start(t, home, ['--as', '0.2.0', '--socket', socket]);
  const after = await initialize((await dial(t, socket)).rpc);
  assert.equal(await older.exited, 0);
  assert.deepEqual(after.server, { version: '0.2.0', pid: newer.pid });
});

test('SIGTERM and shutdown end it in order', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const first = start(t, home, ['--socket', socket]);
  await initialize((await dial(t, socket)).rpc);
  process.kill(first.pid, 'SIGTERM');
  assert.equal(await first.exited, 0);
  const second = start(t, home, ['--socket', socket]);
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  assert.deepEqual(await rpc.sendRequest('shutdown', {}), {});
  assert.equal(await second.exited, 0);
  assert.equal(existsSync(socket), false);
});

test('a socket of another holder that answers is left alone', async t => {
  const home = temporary(t);
  mkdirSync(join(home, 'run'), { mode: 0o700 });
  const socket = join(home, 'run', 's.sock');
  const other = createServer().listen(socket);
  t.after(() => other.close());
  await until('listening', () => existsSync(socket));
  const { ino } = lstatSync(socket);
  const { exited } = start(t, home, ['--socket', socket]);
  assert.equal(await exited, 0);
  assert.equal(lstatSync(socket).ino, ino);
});

async function tryConnectUntil(path: string) {
  let peer = await tryConnect(path);
  await until('somebody answers', async () => {
    peer ??= await tryConnect(path);
    return peer !== undefined;
  });
  if (peer === undefined) throw new Error('nobody');
  return peer;
}
