import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Slot, StateChange } from '../../../server/protocol/types.ts';
import { StateStore } from '../../../server/state/store.ts';

function slot(container: string, status: Slot['status'] = 'running'): Slot {
  return {
    container,
    workspace: '/w',
    slot: 1,
    status,
    persistent: false,
    agent: 'claude',
    agentState: { state: 'idle', since: '2026-01-01T00:00:00Z' },
    image: 'i',
    network: 'open',
    protection: 'off',
    mounts: [],
    createdAt: '2026-01-01T00:00:00Z',
  };
}

function watched() {
  const store = new StateStore();
  const changes: StateChange[] = [];
  store.onChange(c => changes.push(c));
  return { store, changes };
}

test('changes of one turn are one message with the next revision and whole objects', async () => {
  const { store, changes } = watched();
  store.setSlot('a', slot('a', 'creating'));
  store.setSlot('a', slot('a'));
  store.setSlot('b', slot('b'));
  store.setIncus({ status: 'ready', version: '6.0.4' });
  await setImmediate();
  assert.deepEqual(changes, [
    { revision: 1, incus: { status: 'ready', version: '6.0.4' }, slots: [slot('a'), slot('b')] },
  ]);
});

test('setting what is there is no change', async () => {
  const { store, changes } = watched();
  store.setSlot('a', slot('a'));
  await setImmediate();
  store.setSlot('a', slot('a'));
  store.setSlot('unknown', undefined);
  store.setIncus({ status: 'connecting' });
  await setImmediate();
  assert.equal(changes.length, 1);
});

test('what is gone is named', async () => {
  const { store, changes } = watched();
  store.setSlot('a', slot('a'));
  await setImmediate();
  store.setSlot('a', undefined);
  await setImmediate();
  assert.deepEqual(changes.at(-1), { revision: 2, gone: { slots: ['a'] } });
});

test('a snapshot has the revision of everything that was sent before it', async () => {
  const { store, changes } = watched();
  store.setSlot('a', slot('a'));
  const snapshot = store.snapshot();
  assert.equal(snapshot.revision, 1);
  assert.deepEqual(snapshot.slots, [slot('a')]);
  await setImmediate();
  assert.equal(changes.length, 1, 'not sent a second time');
});
