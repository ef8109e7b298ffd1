import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instance } from '../../../server/incus/types/instance.ts';
import type { Slot } from '../../../server/protocol/types.ts';
import { SlotBoard } from '../../../server/state/board.ts';
import { StateStore } from '../../../server/state/store.ts';

const NAME = 'coi-0a1b2c3d-1';
const PROBLEM = { kind: 'time-limit', message: 'Its time was over.' };

/** A container as Incus tells it, with a status code of Incus. */
function instance(statusCode = 103): Instance {
  return {
    name: NAME,
    statusCode,
    createdAt: '2026-01-01T00:00:00Z',
    config: {},
    expandedConfig: {},
    expandedDevices: {},
  } as Instance;
}

function made() {
  const store = new StateStore();
  const board = new SlotBoard(store, () => ({
    workspace: '/w',
    slot: 1,
    agent: 'shell',
    persistent: false,
    shared: [],
  }));
  return { board, slot: () => store.slot(NAME) };
}

test('a container that Incus has an error of says where the reason is', () => {
  const { board, slot } = made();
  board.see(NAME, { ...instance(112), project: 'default' });
  const failed = slot();
  assert.deepEqual([failed?.status, failed?.problem?.kind], ['failed', 'incus']);
  assert.ok(failed?.problem?.message.endsWith(`: incus info --show-log ${NAME}`), failed?.problem?.message);
  board.see(NAME, { ...instance(112), project: 'other' });
  assert.ok(slot()?.problem?.message.endsWith(`${NAME} --project other`));
  board.note(NAME, { problem: PROBLEM });
  assert.deepEqual(slot()?.problem, PROBLEM);
  board.see(NAME, instance());
  board.note(NAME, { problem: undefined });
  assert.equal(slot()?.problem, undefined);
});

test('what is noted of a container that is gone is no fact of the next one of that name', () => {
  const { board, slot } = made();
  board.see(NAME, instance());
  board.note(NAME, { problem: PROBLEM });
  assert.deepEqual(slot()?.problem, PROBLEM);
  board.see(NAME, undefined);
  board.note(NAME, { problem: PROBLEM, ip: '10.0.0.9' });
  board.see(NAME, instance());
  assert.deepEqual([slot()?.problem, slot()?.ip], [undefined, undefined]);
});

test('what is noted of a slot that was announced is kept for its container, and forgotten when there comes none', () => {
  const { board, slot } = made();
  const announced = { container: NAME, status: 'creating' } as Slot;
  board.announce(announced);
  board.note(NAME, { transition: 'creating' });
  board.see(NAME, instance());
  assert.equal(slot()?.status, 'creating');
  board.see(NAME, undefined);
  board.announce(announced);
  board.note(NAME, { transition: 'starting' });
  board.retract(NAME);
  board.see(NAME, instance());
  assert.equal(slot()?.status, 'running');
});
