import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ResponseError } from 'vscode-jsonrpc/node';
import { toBackendError } from '../../../extension/backend/errors.ts';
import { hasMoreGroups } from '../../../extension/backend/groups.ts';
import { backendKey, checkDirectory, resolveRuntimeDir, socketPath } from '../../../extension/backend/place.ts';
import { Revisions } from '../../../extension/backend/revisions.ts';
import { isNewer } from '../../../extension/backend/versions.ts';
import { keyOf } from '../../../server/connections/place.ts';
import type { Snapshot } from '../../../server/protocol/types.ts';

const UID = process.getuid?.() ?? 0;

test('the extension and the backend compute the same key', () => {
  const identities = [
    { uid: 0, home: '/root' },
    { uid: 1000, home: '/home/ä', incusSocket: '/x', incusProject: 'p' },
    { uid: 1000, home: '/home/ä', incusProject: 'p' },
    { uid: 1000, home: '/home/ä', incusSocket: 'p' },
  ];
  for (const identity of identities) assert.equal(backendKey(identity), keyOf(identity));
  assert.equal(new Set(identities.map(backendKey)).size, identities.length);
});

test('the socket has a place that is short enough', t => {
  const runtime = mkdtempSync(join(tmpdir(), 'ia-'));
  t.after(() => rmSync(runtime, { recursive: true }));
  const identity = { uid: UID, home: '/home/u' };
  assert.equal(resolveRuntimeDir(identity, runtime), join(runtime, 'incus-agents'));
  assert.equal(resolveRuntimeDir(identity, '/nowhere'), '/home/u/.coi/run');
  assert.equal(resolveRuntimeDir({ ...identity, uid: UID + 1 }, runtime), '/home/u/.coi/run');
  const long = { uid: 1234, home: `/home/${'u'.repeat(80)}` };
  assert.equal(resolveRuntimeDir(long, '/nowhere'), '/tmp/incus-agents-1234');
  assert.ok(Buffer.byteLength(socketPath(long)) <= 107);
});

test('a socket in a directory that others can use is not trusted', t => {
  const base = mkdtempSync(join(tmpdir(), 'ia-'));
  t.after(() => rmSync(base, { recursive: true }));
  const directory = join(base, 'run');
  assert.equal(checkDirectory(directory, UID), false);
  mkdirSync(directory, { mode: 0o700 });
  assert.equal(checkDirectory(directory, UID), true);
  assert.throws(() => checkDirectory(directory, UID + 1), { kind: 'permission' });
  symlinkSync(directory, join(base, 'link'));
  assert.throws(() => checkDirectory(join(base, 'link'), UID), { kind: 'permission' });
  chmodSync(directory, 0o750);
  assert.throws(() => checkDirectory(directory, UID), { kind: 'permission' });
});

test('versions are compared by number', () => {
  assert.ok(isNewer('0.10.0', '0.9.9'));
  assert.ok(isNewer('1.0.0', '1.0.0-rc.1'));
  assert.ok(!isNewer('1.0.0-rc.1', '1.0.0'));
  assert.ok(isNewer('1.0.0-rc.2', '1.0.0-rc.1'));
  assert.ok(!isNewer('1.0.0', '1.0.0+build'));
  assert.ok(!isNewer('0.9.9', '0.10.0'));
});

test('error replies keep what they say', () => {
  const reply = toBackendError(new ResponseError(-31004, 'taken', { kind: 'conflict', hint: 'h', detail: 'd' }));
  assert.deepEqual([reply.kind, reply.message, reply.hint, reply.detail], ['conflict', 'taken', 'h', 'd']);
  assert.equal(toBackendError(new ResponseError(-1, 'odd', { kind: 'nonsense' })).kind, 'internal');
  assert.equal(toBackendError(new Error('socket hang up')).kind, 'unavailable');
});

test('only a group that the other process lacks counts', () => {
  const own = process.getgroups?.() ?? [];
  assert.equal(hasMoreGroups(process.pid, own), false);
  assert.equal(hasMoreGroups(process.pid, [...own, 54_321]), true);
  assert.equal(hasMoreGroups(2 ** 30, [54_321]), false);
});

test('changes come in order, and a gap brings the whole state', async () => {
  const heard: string[] = [];
  const snapshot = (revision: number): Snapshot => ({ revision, incus: { status: 'ready' }, slots: [], sessions: [] });
  let answer = Promise.withResolvers<Snapshot>();
  const revisions = new Revisions(
    {
      onSnapshot: ({ revision }) => void heard.push(`s${revision}`),
      onChange: ({ revision }) => void heard.push(`c${revision}`),
      onFailed: () => void heard.push('failed'),
    },
    () => answer.promise,
  );
  revisions.take({ revision: 5 });
  revisions.take({ revision: 6 });
  revisions.reset(snapshot(5));
  revisions.take({ revision: 6 });
  assert.deepEqual(heard.splice(0), ['s5', 'c6']);
  revisions.take({ revision: 9 });
  revisions.take({ revision: 10 });
  revisions.take({ revision: 11 });
  assert.deepEqual(heard.splice(0), []);
  answer.resolve(snapshot(10));
  await answer.promise;
  assert.deepEqual(heard.splice(0), ['s10', 'c11']);
  answer = Promise.withResolvers();
  revisions.take({ revision: 20 });
  answer.reject(new Error('no'));
  await answer.promise.catch(() => {});
  assert.deepEqual(heard, ['failed']);
});
