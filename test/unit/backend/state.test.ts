import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Happening, INITIAL, type Machine, step } from '../../../extension/backend/state.ts';

const connected = (at: number): Happening => ({ kind: 'connected', at, version: '1.0.0', pid: 7 });
const lost = (at: number, random = 0.5): Happening => ({ kind: 'lost', at, random, reason: 'gone' });

function run(...happenings: Happening[]): Machine {
  return happenings.reduce(step, INITIAL);
}

test('it connects when it is started, and once', () => {
  const machine = run({ kind: 'start' });
  assert.deepEqual(machine.state, { name: 'connecting' });
  assert.equal(step(machine, { kind: 'start' }), machine);
  assert.deepEqual(step(machine, connected(5)).state, { name: 'connected', version: '1.0.0', pid: 7 });
});

test('what does not fit changes nothing', () => {
  for (const happening of [connected(1), lost(1), { kind: 'elapsed' }] satisfies Happening[])
    assert.equal(step(INITIAL, happening), INITIAL);
});

test('it waits longer after each loss, and a little differently each time', () => {
  let machine = run({ kind: 'start' });
  const delays: number[] = [];
  // Four minutes apart, so that they are not too many at once.
  for (let i = 0; i < 6; i += 1) {
    machine = step(machine, lost(i * 240_000));
    assert.equal(machine.state.name, 'waiting');
    if (machine.state.name === 'waiting') delays.push(machine.state.delay);
    machine = step(machine, { kind: 'elapsed' });
  }
  assert.deepEqual(delays, [250, 500, 1000, 2000, 5000, 5000]);
  const least = step(run({ kind: 'start' }), lost(0, 0)).state;
  const most = step(run({ kind: 'start' }), lost(0, 1)).state;
  assert.ok(least.name === 'waiting' && least.delay === 200);
  assert.ok(most.name === 'waiting' && most.delay === 300);
});

test('a connection that held for a minute begins anew with the shortest wait', () => {
  const shaken = run({ kind: 'start' }, lost(0), { kind: 'elapsed' }, lost(1), { kind: 'elapsed' });
  const soon = step(step(shaken, connected(10)), lost(59_000)).state;
  const late = step(step(shaken, connected(10)), lost(60_010)).state;
  assert.ok(soon.name === 'waiting' && soon.delay === 1000);
  assert.ok(late.name === 'waiting' && late.delay === 250);
});

test('five losses within three minutes are a failure, until the user restarts', () => {
  let machine = run({ kind: 'start' });
  for (let i = 0; i < 4; i += 1) machine = step(step(machine, lost(i * 1000)), { kind: 'elapsed' });
  assert.equal(machine.state.name, 'connecting');
  const failed = step(machine, lost(179_000));
  assert.deepEqual(failed.state, { name: 'failed', reason: 'gone', action: 'restart' });
  assert.equal(step(machine, lost(181_000)).state.name, 'waiting', 'the first one is too long ago');
  assert.equal(step(failed, { kind: 'start' }), failed);
  assert.equal(step(failed, { kind: 'elapsed' }), failed);
  const again = step(failed, { kind: 'restart' });
  assert.deepEqual(again, { ...INITIAL, state: { name: 'connecting' } });
});

test('a refusal is final', () => {
  const machine = run({ kind: 'start' }, { kind: 'refused', reason: 'old', hint: 'Reload Window', action: 'reload' });
  assert.deepEqual(machine.state, { name: 'failed', reason: 'old', hint: 'Reload Window', action: 'reload' });
});
