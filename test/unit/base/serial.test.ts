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

test('what is under way and what waits is overruled, and what comes afterwards is not', async () => {
  const serial = new Serial();
  let began = 0;
  const long = serial.run('a', signal => {
    began++;
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  const waiting = serial.run('a', async () => void began++);
  const other = serial.run('b', async () => 'other');
  await new Promise(setImmediate);
  assert.equal(serial.overrule('a', new Error('killed')), true);
  const next = serial.run('a', async () => 'next');
  await assert.rejects(long, /killed/);
  await assert.rejects(waiting, /killed/);
  assert.deepEqual([await next, await other, began], ['next', 'other', 1]);
  await new Promise(setImmediate);
  assert.equal(serial.overrule('a', new Error('killed')), false);
});
