import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unhurried } from '../../../server/flows/sessions/unhurried.ts';

const EVERY = 60;

/** Notes when what was worked on. */
function noting(every = EVERY) {
  const runs: { id: string; at: number }[] = [];
  let wake = () => {};
  const unhurried = new Unhurried(
    async id => {
      runs.push({ id, at: performance.now() });
      wake();
    },
    () => every,
  );
  const until = async (count: number) => {
    while (runs.length < count) await new Promise<void>(resolve => (wake = resolve));
  };
  return { runs, unhurried, until };
}

test('what is asked for often is done at once, and once more after a time', async () => {
  const { runs, unhurried, until } = noting();
  for (let i = 0; i < 5; i++) unhurried.ask('a');
  assert.equal(runs.length, 1);
  // The timer of the waiting run does not keep a process alive.
  const alive = setTimeout(() => {}, 10_000);
  await until(2);
  clearTimeout(alive);
  const [first, second] = runs;
  // A timer counts from the beginning of the loop's round that it was set in, which may have been some time ago.
  assert.ok((second?.at ?? 0) - (first?.at ?? 0) >= EVERY / 2, JSON.stringify(runs));
});

test('what takes long is never done twice at a time, and not all the time', async () => {
  let running = 0;
  let most = 0;
  const begins: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const unhurried = new Unhurried(
    async id => {
      begins.push(performance.now());
      most = Math.max(most, ++running);
      unhurried.ask(id);
      await sleep(30);
      running -= 1;
      if (begins.length === 3) resolve();
    },
    () => 1,
  );
  unhurried.ask('a');
  const alive = setTimeout(() => {}, 10_000);
  await promise;
  clearTimeout(alive);
  unhurried.close();
  assert.equal(most, 1);
  const [first = 0, second = 0, third = 0] = begins;
  assert.ok(second - first >= 100 && third - second >= 100, JSON.stringify(begins));
});

test('one does not wait for another', () => {
  const { runs, unhurried } = noting();
  for (const id of ['a', 'b', 'a', 'c']) unhurried.ask(id);
  assert.deepEqual(
    runs.map(({ id }) => id),
    ['a', 'b', 'c'],
  );
  unhurried.close();
});

test('what is forgotten, or closed, is not done later', async () => {
  const { runs, unhurried } = noting(20);
  for (const id of ['a', 'a', 'b', 'b']) unhurried.ask(id);
  unhurried.forget('a');
  unhurried.close();
  await sleep(60); // Nothing tells that something does not happen.
  assert.equal(runs.length, 2);
  unhurried.ask('a');
  assert.equal(runs.length, 3, 'as if it were new');
});
