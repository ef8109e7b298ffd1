import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CancellationTokenSource, createMessageConnection, type MessageConnection } from 'vscode-jsonrpc/node';
import { dial, errorOf, initialize, start, temporary, tryConnect, until } from './harness.ts';

test('one client on standard input and output', async t => {
  const home = temporary(t);
  const { child, exited } = start(t, home, ['--stdio']);
  assert.ok(child.stdout && child.stdin);
  const rpc = createMessageConnection(child.stdout, child.stdin);
  rpc.listen();
  const { server, state } = await initialize(rpc);
  assert.equal(server.pid, child.pid);
  assert.equal(state.incus.status, 'ready');
  assert.deepEqual(await rpc.sendRequest('slot/capture', { container: 'stray' }), { text: 'still there' });
  assert.deepEqual(await rpc.sendRequest('slot/capture', { container: 'x' }), { text: 'nothing' });
  const { text } = await rpc.sendRequest<{ text: string }>('slot/capture', { container: 'process' });
  assert.equal(JSON.parse(text).env.ELECTRON_RUN_AS_NODE, undefined);
  child.stdin.end();
  assert.equal(await exited, 0);
});

test('requests are refused or fail with a typed error', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const backend = start(t, home, ['--socket', socket]);
  const { rpc } = await dial(t, socket);
  const early = await errorOf(rpc.sendRequest('state/get', {}));
  assert.equal(early.code, -31005);
  const other = await errorOf(initialize(rpc, { protocolVersion: 99 }));
  assert.equal(other.code, -31005);
  assert.deepEqual(other.data, { kind: 'invalid', hint: 'Reload Window', detail: 'protocol=1 version=0.1.0' });
  assert.equal((await errorOf(initialize(rpc, { workspaces: [{ path: 'relative' }] }))).code, -31005);
  await initialize(rpc, { workspaces: [{ path: '/w' }], settings: { agent: 'claude' } });
  assert.equal((await errorOf(initialize(rpc))).code, -31005);
  assert.equal((await errorOf(rpc.sendRequest('no/such', {}))).code, -32601);
  assert.equal((await errorOf(rpc.sendRequest('toString', {}))).code, -32601);
  const failure = await errorOf(rpc.sendRequest('slot/capture', { container: 'failure' }));
  assert.deepEqual(failure, {
    code: -31003 - 1,
    message: 'Slot 1 is taken.',
    data: { kind: 'conflict', hint: 'Take another one.', detail: 'd' },
  });
  const unexpected = await errorOf(rpc.sendRequest('slot/capture', { container: 'unexpected' }));
  assert.equal(unexpected.code, -32603);
  assert.match(unexpected.message, /boom/);
  assert.doesNotMatch(JSON.stringify(unexpected), /stand-in/);
  assert.match(readFileSync(join(home, '.coi/logs/incus-agents.log'), 'utf8'), /TypeError: boom.*stand-in/);
  const { text } = await rpc.sendRequest<{ text: string }>('slot/capture', { container: 'client' });
  assert.deepEqual(JSON.parse(text), { workspaces: [{ path: '/w', trusted: false }], settings: { agent: 'claude' } });
  await rpc.sendRequest('client/update', { workspaces: [{ path: '/w', trusted: true }] });
  const after = await rpc.sendRequest<{ text: string }>('slot/capture', { container: 'client' });
  assert.deepEqual(JSON.parse(after.text), {
    workspaces: [{ path: '/w', trusted: true }],
    settings: { agent: 'claude' },
  });
  assert.equal(backend.stderr(), '');
});

test('a client is asked for secrets and environment', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  start(t, home, ['--socket', socket]);
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  // One that knows neither method has nothing to tell.
  assert.deepEqual(await rpc.sendRequest('slot/capture', { container: 'environment' }), { text: '{}' });
  const broken = rpc.onRequest('client/secret', () => Promise.reject(new Error('broken')));
  assert.equal((await errorOf(rpc.sendRequest('slot/capture', { container: 'secret' }))).code, -31001);
  broken.dispose();
  rpc.onRequest('client/secret', ({ name }: { name: string }) => ({ value: `value of ${name}` }));
  rpc.onRequest('client/environment', () => ({ values: { A: '1', C: 'not asked for', B: 7 } }));
  assert.deepEqual(await rpc.sendRequest('slot/capture', { container: 'secret' }), { text: 'value of token' });
  assert.deepEqual(await rpc.sendRequest('slot/capture', { container: 'environment' }), { text: '{"A":"1"}' });
});

test('a request settles at once when it is cancelled, and what it did is undone', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const notes = join(home, 'notes');
  start(t, home, ['--socket', socket]);
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  const progress: unknown[] = [];
  rpc.onNotification('$/progress', (params: unknown) => void progress.push(params));
  const source = new CancellationTokenSource();
  const request = errorOf(rpc.sendRequest('slot/start', { container: notes, progress: 'p1' }, source.token));
  await until('progress', () => progress.length > 0);
  assert.deepEqual(progress, [{ token: 'p1', value: { phase: 'started' } }]);
  const before = performance.now();
  source.cancel();
  assert.deepEqual((await request).data, { kind: 'cancelled' });
  assert.ok(performance.now() - before < 90, 'settled before the undoing was through');
  await until('undone', () => readFileSync(notes, 'utf8') === 'started\nundone\n');
});

test('a request is given up when its client goes', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  const notes = join(home, 'notes');
  start(t, home, ['--socket', socket]);
  const first = await dial(t, socket);
  await initialize(first.rpc);
  const pending = errorOf(first.rpc.sendRequest('slot/start', { container: notes, progress: 1 }));
  await new Promise(resolve => first.rpc.onNotification('$/progress', resolve));
  first.socket.destroy();
  first.rpc.dispose();
  await pending;
  await until('undone', () => readFileSync(notes, 'utf8') === 'started\nundone\n');
});

test('every client hears of every change and message', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  start(t, home, ['--socket', socket]);
  const heard: unknown[][] = [[], []];
  const clients = await Promise.all([dial(t, socket), dial(t, socket)]);
  for (const [i, { rpc }] of clients.entries()) {
    rpc.onNotification('state/changed', (change: { revision: number }) => void heard[i]?.push(change.revision));
    rpc.onNotification('log/message', (message: { message: string }) => void heard[i]?.push(message.message));
    await initialize(rpc);
  }
  const stranger = await dial(t, socket);
  stranger.rpc.onNotification(() => assert.fail('a client that did not initialise hears nothing'));
  const rpc = clients[0]?.rpc;
  assert.ok(rpc);
  await rpc.sendRequest('slot/pause', { container: 'a' });
  // The change came before the reply.
  assert.deepEqual(heard[0], [2]);
  await rpc.sendRequest('slot/unpause', { container: 'hello' });
  await until('both', () => heard[0]?.length === 2 && heard[1]?.length === 2);
  assert.deepEqual(heard[0], [2, 'hello']);
  assert.deepEqual(heard[1], [2, 'hello']);
  await rpc.sendRequest('slot/send', { container: 'a', text: 'x'.repeat(1_000_000), lines: 3 });
  assert.equal(heard[0]?.at(-1), 5, 'several changes as well');
});

test('a client that does not read costs little memory and hinders nobody', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  start(t, home, ['--socket', socket]);
  const slow = await dial(t, socket);
  const slowHeard: { revision: number }[] = [];
  slow.rpc.onNotification('state/changed', (change: { revision: number }) => void slowHeard.push(change));
  await initialize(slow.rpc);
  slow.socket.pause();
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  const before = await memory(rpc);
  // 300 MB of changes.
  await rpc.sendRequest('slot/send', { container: 'a', text: 'x'.repeat(100_000), lines: 3000 });
  const grown = (await memory(rpc)) - before;
  assert.ok(grown < 100_000_000, `grew by ${grown}`);
  slow.socket.resume();
  await until('the newest change', () => slowHeard.at(-1)?.revision === 3001);
  assert.ok(slowHeard.length < 300, `${slowHeard.length} changes were kept for it`);
});

test('a peer that sends nonsense loses its own connection only', async t => {
  const home = temporary(t);
  const socket = join(home, 'run', 's.sock');
  start(t, home, ['--socket', socket]);
  const { rpc } = await dial(t, socket);
  await initialize(rpc);
  for (const nonsense of ['Content-Length: 99999999999\r\n\r\n', 'Hello: you\r\n\r\n', 'x'.repeat(10_000)]) {
    const peer = await tryConnect(socket);
    assert.ok(peer);
    peer.resume();
    const closed = new Promise(resolve => peer.once('close', resolve));
    peer.write(nonsense);
    await closed;
  }
  const peer = await tryConnect(socket);
  assert.ok(peer);
  let reply = '';
  peer.on('data', chunk => {
    reply += chunk;
  });
  peer.write('Content-Length: 2\r\n\r\n{]');
  await until('a reply', () => /"id":null.*-32700/.test(reply));
  peer.write('Content-Length: 45\r\n\r\n{"jsonrpc":"2.0","method":"$/cancelRequest"}\n');
  peer.destroy();
  assert.ok(await rpc.sendRequest('state/get', {}));
});

async function memory(rpc: MessageConnection): Promise<number> {
  return Number((await rpc.sendRequest<{ text: string }>('slot/capture', { container: 'memory' })).text);
}
