import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Backend } from '../../../extension/backend/backend.ts';
import type { BackendError } from '../../../extension/backend/errors.ts';
import { socketPath } from '../../../extension/backend/place.ts';
import { alive, kill, STAND_IN, start, temporary, undo, until } from '../connections/harness.ts';

const UID = process.getuid?.() ?? 0;

interface Window {
  backend: Backend;
  states: string[];
  revisions: string[];
  pid(): number;
}

function open(
  t: TestContext,
  home: string,
  version = '0.1.0',
  more: { server?: string; args?: string[] } = {},
): Window {
  const backend = new Backend({
    launch: {
      identity: { uid: UID, home },
      execPath: process.execPath,
      serverPath: more.server ?? STAND_IN,
      extraArgs: ['--as', version, ...(more.args ?? [])],
    },
    client: { name: 'test', version },
    facts: { workspaces: [{ path: '/w', trusted: true }], settings: {} },
    answers: {
      secret: async name => `secret ${name}`,
      environment: async () => ({ A: '1' }),
    },
    log() {},
  });
  const states: string[] = [];
  const revisions: string[] = [];
  const pids = new Set<number>();
  backend.onState(state => {
    states.push(state.name);
    if (state.name === 'connected') pids.add(state.pid);
  });
  backend.onSnapshot(({ revision }) => revisions.push(`s${revision}`));
  backend.onChange(({ revision }) => revisions.push(`c${revision}`));
  undo(t, async () => {
    backend.dispose();
    for (const pid of pids) await kill(pid);
  });
  const pid = () => {
    if (backend.state.name !== 'connected') throw new Error(`not connected: ${JSON.stringify(backend.state)}`);
    return backend.state.pid;
  };
  return { backend, states, revisions, pid };
}

async function failure(promise: Promise<unknown>): Promise<BackendError> {
  return promise.then(
    () => assert.fail('it succeeded'),
    error => error,
  );
}

test('the first need starts the backend, detached, with nothing of ours', async t => {
  const home = temporary(t);
  process.env.SECRET_OF_THE_EDITOR = 'x';
  t.after(() => delete process.env.SECRET_OF_THE_EDITOR);
  const { backend, states, revisions, pid } = open(t, home);
  assert.equal(backend.state.name, 'idle');
  assert.deepEqual(await backend.request('slot/capture', { container: 'x' }), { text: 'nothing' });
  assert.deepEqual(states, ['connecting', 'connected']);
  assert.deepEqual(revisions, ['s1']);
  const environment = readFileSync(`/proc/${pid()}/environ`, 'utf8').split('\0').filter(Boolean);
  const names = environment.map(line => line.slice(0, line.indexOf('='))).sort();
  const allowed = ['ELECTRON_RUN_AS_NODE', 'HOME', 'LANG', 'XDG_RUNTIME_DIR'];
  assert.deepEqual(
    names,
    allowed.filter(name => names.includes(name)),
  );
  assert.ok(environment.includes(`HOME=${home}`));
  const { text } = await backend.request('slot/capture', { container: 'process' });
  assert.equal(JSON.parse(text).env.ELECTRON_RUN_AS_NODE, undefined);
  assert.equal(readlinkSync(`/proc/${pid()}/cwd`), '/');
  const stat = readFileSync(`/proc/${pid()}/stat`, 'utf8').split(') ')[1]?.split(' ');
  assert.equal(Number(stat?.[3]), pid(), 'its own session');
});

test('windows share one backend, which outlives them', async t => {
  const home = temporary(t);
  const windows = Array.from({ length: 5 }, () => open(t, home));
  await Promise.all(windows.map(({ backend }) => backend.request('state/get', {})));
  const pids = new Set(windows.map(({ pid }) => pid()));
  assert.equal(pids.size, 1);
  const [first, second] = windows;
  assert.ok(first && second);
  await first.backend.request('slot/pause', { container: 'a' });
  await until('both heard', () => windows.every(({ revisions }) => revisions.includes('c2')));
  const pid = first.pid();
  for (const { backend } of windows) backend.dispose();
  assert.ok(alive(pid));
  assert.equal((await failure(second.backend.request('state/get', {}))).kind, 'unavailable');
});

test('it answers for the editor, and tells what has changed', async t => {
  const { backend } = open(t, temporary(t));
  assert.deepEqual(await backend.request('slot/capture', { container: 'secret' }), { text: 'secret token' });
  assert.deepEqual(await backend.request('slot/capture', { container: 'environment' }), { text: '{"A":"1"}' });
  await backend.update({ settings: { agent: 'claude' } });
  const { text } = await backend.request('slot/capture', { container: 'client' });
  assert.deepEqual(JSON.parse(text), { workspaces: [{ path: '/w', trusted: true }], settings: { agent: 'claude' } });
});

test('what changes while the connection is being made is told too, before any request', async t => {
  const { backend } = open(t, temporary(t));
  const answer = backend.request('slot/capture', { container: 'client' });
  // By now the handshake is made up, and nothing of it is connected.
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(backend.state.name, 'connecting');
  const facts = { workspaces: [{ path: '/other', trusted: false }], settings: { agent: 'codex' } };
  await backend.update(facts);
  assert.deepEqual(JSON.parse((await answer).text), facts);
});

test('a request ends at once when it is given up, with progress until then', async t => {
  const home = temporary(t);
  const { backend } = open(t, home);
  const notes = join(home, 'notes');
  const controller = new AbortController();
  const progress = Promise.withResolvers<unknown>();
  const request = failure(
    backend.request('slot/start', { container: notes }, { signal: controller.signal, onProgress: progress.resolve }),
  );
  assert.deepEqual(await progress.promise, { phase: 'started' });
  controller.abort();
  assert.equal((await request).kind, 'cancelled');
  await until('undone', () => readFileSync(notes, 'utf8').endsWith('undone\n'));
  assert.equal((await failure(backend.request('state/get', {}, { signal: controller.signal }))).kind, 'cancelled');
});

test('error replies are typed', async t => {
  const { backend } = open(t, temporary(t));
  const error = await failure(backend.request('slot/capture', { container: 'failure' }));
  assert.deepEqual([error.kind, error.message, error.hint], ['conflict', 'Slot 1 is taken.', 'Take another one.']);
});

test('when the backend is killed, requests end at once and the next one comes by itself', async t => {
  const home = temporary(t);
  const { backend, states, revisions, pid } = open(t, home);
  await backend.update({ settings: { agent: 'claude' } });
  await backend.request('slot/pause', { container: 'a' });
  const before = pid();
  const pending = failure(backend.request('slot/stop', { container: 'a', timeout: 60_000 }));
  const killed = performance.now();
  process.kill(before, 'SIGKILL');
  assert.equal((await pending).kind, 'unavailable');
  assert.ok(performance.now() - killed < 100, `${performance.now() - killed} ms`);
  // Asked for in between: served by the next one.
  const { text } = await backend.request('slot/capture', { container: 'client' });
  assert.deepEqual(JSON.parse(text).settings, { agent: 'claude' });
  assert.notEqual(pid(), before);
  assert.deepEqual(states, ['connecting', 'connected', 'waiting', 'connecting', 'connected']);
  assert.deepEqual(revisions, ['s1', 'c2', 's1']);
});

test('five crashes in a row are a failure; a restart begins anew', { timeout: 30_000 }, async t => {
  const { backend, states, pid } = open(t, temporary(t));
  for (let i = 0; i < 5; i += 1) {
    await until('connected or failed', () => backend.state.name === 'connected' || i === 0);
    await failure(backend.request('slot/capture', { container: 'crash' }));
  }
  await until('failed', () => backend.state.name === 'failed');
  const error = await failure(backend.request('state/get', {}));
  assert.equal(error.kind, 'unavailable');
  assert.equal(states.filter(state => state === 'connected').length, 5);
  backend.restart();
  await backend.request('state/get', {});
  assert.ok(alive(pid()));
});

test('a backend that cannot start says why', async t => {
  const home = temporary(t);
  const { backend } = open(t, home, '0.1.0', { args: ['--nonsense'] });
  const error = await failure(backend.request('state/get', {}));
  assert.equal(error.kind, 'unavailable');
  assert.match(error.message, /could not be started: Unknown option '--nonsense'/);
  const gone = open(t, home, '0.1.0', { server: '/nowhere/server.js' });
  assert.equal((await failure(gone.backend.request('state/get', {}))).hint, 'Reload Window');
  assert.deepEqual(gone.states, ['connecting', 'failed']);
});

test('a newer extension replaces an older backend, once its work is done', async t => {
  const home = temporary(t);
  const older = open(t, home, '0.1.0');
  await older.backend.request('state/get', {});
  const before = older.pid();
  const work = older.backend.request('slot/stop', { container: 'a', timeout: 1000 });
  const newer = open(t, home, '0.2.0');
  await newer.backend.request('state/get', {});
  assert.deepEqual(await work, {});
  assert.notEqual(newer.pid(), before);
  assert.equal(alive(before), false);
  // The older window comes along, and does not fight for a backend of its own.
  await until('the older window is connected', () => older.backend.state.name === 'connected');
  assert.equal(older.pid(), newer.pid());
  assert.deepEqual(newer.states, ['connecting', 'connected']);
});

test('an older extension uses a newer backend, and does not replace it', async t => {
  const home = temporary(t);
  const newer = open(t, home, '0.2.0');
  await newer.backend.request('state/get', {});
  const older = open(t, home, '0.1.0');
  await older.backend.request('state/get', {});
  assert.equal(older.pid(), newer.pid());
  assert.deepEqual(older.backend.state, { name: 'connected', version: '0.2.0', pid: newer.pid() });
});

test('a restart asks the backend to go', async t => {
  const { backend, pid, states } = open(t, temporary(t));
  await backend.request('state/get', {});
  const before = pid();
  backend.restart();
  await backend.request('state/get', {});
  assert.notEqual(pid(), before);
  assert.deepEqual(states, ['connecting', 'connected', 'connecting', 'connected']);
});

test('a backend that others started is found', async t => {
  const home = temporary(t);
  const path = socketPath({ uid: UID, home });
  const started = start(t, home, ['--socket', path]);
  await until('the socket', () => existsSync(path));
  const { backend, pid } = open(t, home);
  await backend.request('state/get', {});
  assert.equal(pid(), started.pid);
  rmSync(path, { force: true });
});
