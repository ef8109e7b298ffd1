import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidates } from '../../../server/slots/numbers.ts';

const taken = (slot: number, reusable = false) => ({ slot, reusable });

test('free numbers come in order', () => {
  assert.deepEqual(candidates([taken(1), taken(3)], 4), [
    { slot: 2, reuse: false },
    { slot: 4, reuse: false },
  ]);
});

test('a stopped persistent slot comes before a free one', () => {
  assert.deepEqual(candidates([taken(2, true)], 3)[0], { slot: 2, reuse: true });
});

test('the number asked for is the only one', () => {
  assert.deepEqual(candidates([taken(1)], 3, 2), [{ slot: 2, reuse: false }]);
  assert.deepEqual(candidates([taken(2, true)], 3, 2), [{ slot: 2, reuse: true }]);
  assert.throws(() => candidates([taken(2)], 3, 2), { kind: 'conflict' });
});

test('out of range and all taken are told apart', () => {
  for (const asked of [0, -1, 4, 1.5, Number.NaN]) {
    assert.throws(() => candidates([], 3, asked), { kind: 'invalid' }, String(asked));
  }
  assert.throws(() => candidates([taken(1), taken(2)], 2), { kind: 'conflict', message: /All 2 slots/ });
});
