import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Serial } from '../../../server/base/serial.ts';

test('work on one key is done in order, also after a failure', async () => {
  const serial = new Serial();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = serial.run('a', async () => {
    await gate.promise;
    order.push('first');
    throw new Error('first failed');
  });
  const second = serial.run('a', async () => order.push('second'));
  const other = serial.run('b', async () => order.push('other'));
  await other;
  assert.deepEqual(order, ['other']);
  gate.resolve();
  await assert.rejects(first, /first failed/);
  await second;
  assert.deepEqual(order, ['other', 'first', 'second']);
});

test('a key is forgotten when its work has ended', async () => {
  const serial = new Serial();
  const work = serial.run('a', async () => 1);
  assert.equal(serial.has('a'), true);
  await work;
  await new Promise(setImmediate);
  assert.equal(serial.has('a'), false);
  assert.equal(serial.busy, 0);
});
