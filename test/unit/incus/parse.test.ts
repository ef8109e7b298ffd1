import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEvent } from '../../../server/incus/event-parse.ts';
import { checkArgv, execBody, markedCommand, newMark } from '../../../server/incus/exec-command.ts';
import { parseInstance } from '../../../server/incus/instances.ts';
import { parseOperation } from '../../../server/incus/operation-parse.ts';
import { progressOf } from '../../../server/incus/progress.ts';
import { parseState } from '../../../server/incus/state.ts';

test('anything at all can be parsed, and never throws', () => {
  for (const value of [
    undefined,
    null,
    7,
    'x',
    [],
    {},
    { config: [], devices: 7, status_code: '103', metadata: 'x' },
  ]) {
    assert.equal(parseInstance(value).running, false);
    assert.equal(parseState(value).running, false);
    assert.equal(parseOperation(value).finished, false);
  }
  for (const json of ['', '{', 'null', '7', '[]', '{}', '{"type":"logging"}', '{"type":"lifecycle"}'])
    assert.doesNotThrow(() => parseEvent(json));
});

test('an instance counts as running when it says Ready, and has no last use before its first start', () => {
  assert.equal(parseInstance({ status_code: 113 }).running, true);
  assert.equal(parseInstance({ status_code: 103 }).running, true);
  assert.equal(parseInstance({ status_code: 110 }).running, false);
  assert.equal(parseInstance({ last_used_at: '1970-01-01T00:00:00Z' }).lastUsedAt, undefined);
  assert.equal(parseInstance({ last_used_at: '2026-01-01T00:00:00Z' }).lastUsedAt, '2026-01-01T00:00:00Z');
});

test('values that are no strings do not get into a configuration', () => {
  const { config, devices } = parseInstance({ config: { a: '1', b: 2, c: null }, devices: { d: { x: 'y', z: 1 } } });
  assert.deepEqual([config, devices], [{ a: '1' }, { d: { x: 'y' } }]);
});

test('the address is that of eth0, not of a Docker inside', () => {
  const addresses = (...all: string[]) => ({
    addresses: all.map(address => ({ family: 'inet', address, scope: 'global' })),
  });
  const state = parseState({ network: { docker0: addresses('172.17.0.1'), eth0: addresses('10.0.0.2'), lo: {} } });
  assert.equal(state.ip, '10.0.0.2');
  assert.equal(state.addresses.length, 2);
});

test('events: the object without its project, noise left out', () => {
  const lifecycle = (action: string, source: string) =>
    parseEvent(JSON.stringify({ type: 'lifecycle', timestamp: 't', project: 'p', metadata: { action, source } }));
  const event = lifecycle('instance-started', '/1.0/instances/x%20y/snapshots/s?project=p');
  assert.ok(event?.type === 'lifecycle');
  assert.equal(event.instance, 'x y');
  assert.equal(event.source, '/1.0/instances/x%20y/snapshots/s');
  assert.equal(event.requestor, undefined);
  assert.equal(lifecycle('instance-file-pushed', '/1.0/instances/x'), undefined);
  assert.equal(lifecycle('instance-file-retrieved', '/1.0/instances/x'), undefined);
});

test('progress of an operation', () => {
  const of = (metadata: unknown) => progressOf(parseOperation({ metadata }));
  assert.deepEqual(of({ download_progress: 'rootfs: 12% (3.00MB/s)' }), {
    text: 'rootfs: 12% (3.00MB/s)',
    percent: 12,
  });
  assert.deepEqual(of({ x_progress: 'Image pack: 3MB' }), { text: 'Image pack: 3MB' });
  assert.equal(of({ progress: { percent: '7' } }), undefined);
  assert.equal(of(null), undefined);
});

test('ids that Incus would run as root, and argv that it would misread, are refused', () => {
  for (const user of [2 ** 31, 2 ** 32 - 1, -1, 0.5, Number.NaN])
    assert.throws(() => execBody(['true'], { user }), { kind: 'invalid' });
  for (const argv of [[], [''], ['-x'], ['a', '\0']]) assert.throws(() => checkArgv(argv), { kind: 'invalid' });
  checkArgv(['a', '', '-x', '\n']);
});

test('marks differ and are exact numbers; arguments stay as they are', () => {
  const marks = Array.from({ length: 1000 }, newMark);
  assert.equal(new Set(marks).size, 1000);
  assert.ok(marks.every(Number.isSafeInteger));
  assert.deepEqual(markedCommand(['a', '$(b)', ''], 7, true).slice(4), ['7', 'setsid', '--', 'a', '$(b)', '']);
});
