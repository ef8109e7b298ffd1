import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LookNeed } from '../../../server/attention/look.ts';
import { type Activity, goesOn, isDue, type Looked, movesOf } from '../../../server/flows/sessions/pace.ts';
import type { AgentStateName } from '../../../server/protocol/types.ts';

const TICK = 5000;

/** How many looks `count` ticks lead to, each using `cpu` ms of a processor; as the lookout does it. */
function looks(
  count: number,
  o: {
    cpu?: number;
    need?: LookNeed;
    state?: AgentStateName;
    processes?: (tick: number) => number;
    screen?: (tick: number) => string;
  },
): number {
  let known: Looked = { lookedAt: o.need === 'doubt' ? 1 : 0, busyAt: 1 };
  let made = 0;
  for (let i = 1; i <= count; i++) {
    const counters = o.cpu === undefined ? {} : { cpuMs: i * o.cpu, processes: o.processes?.(i) ?? 7 };
    const now: Activity = { at: i * TICK, ...counters };
    const { due, looked } = isDue(known, now, o.need ?? 'guess', o.state ?? 'idle');
    known = due ? { ...looked, lookedAt: now.at, changed: false } : looked;
    if (due && o.screen !== undefined) known.screens = [...(known.screens ?? []).slice(-2), o.screen(i)];
    if (due) made += 1;
  }
  return made;
}

test('a container that does nothing is looked into once', () => {
  assert.equal(looks(720, { cpu: 1 }), 1);
});

test('one that is busy is looked into every forty seconds', () => {
  const made = looks(120, { cpu: 500, state: 'working' });
  assert.ok(made >= 14 && made <= 16, `${made} in ten minutes`);
});

test('one that starts processes all the time no more often', () => {
  const made = looks(120, { cpu: 500, state: 'working', processes: tick => tick });
  assert.ok(made >= 14 && made <= 16, `${made} in ten minutes`);
});

test('a process that came or went is a reason', () => {
  assert.equal(looks(100, { cpu: 1, processes: tick => (tick < 50 ? 7 : 6) }), 2);
});

test('a guess that says "working" is looked at again when the container has become quiet', () => {
  const made = looks(12, { cpu: 1, state: 'working' });
  assert.ok(made >= 5 && made <= 7, `${made} in a minute`);
});

test('an agent that says that it works is looked at only when its container is quiet', () => {
  assert.equal(looks(720, { cpu: 500, need: 'doubt', state: 'working' }), 0);
  const made = looks(120, { cpu: 1, need: 'doubt', state: 'working' });
  assert.ok(made >= 15 && made <= 20, `${made} in ten minutes`);
});

test('without counters it counts as busy', () => {
  const made = looks(120, { state: 'working' });
  assert.ok(made >= 14 && made <= 16, `${made} in ten minutes`);
});

test('a question is looked at until its screen stands still, and again when processes come or go', () => {
  const question = { cpu: 1, need: 'answer', state: 'waiting' } as const;
  assert.equal(looks(720, { ...question, screen: () => 'the question' }), 2);
  const goneOn = (tick: number) => (tick < 50 ? 'the question' : `after ${tick} ticks`);
  assert.equal(looks(49, { ...question, screen: goneOn }), 2);
  assert.equal(looks(60, { ...question, screen: goneOn }), 2, 'nothing says that it was answered');
  assert.equal(looks(60, { ...question, screen: goneOn, processes: tick => (tick < 50 ? 7 : 8) }), 2 + 11);
});

test('a screen that goes on changing is told from one that has changed once', () => {
  assert.deepEqual(
    [[], ['a'], ['a', 'a'], ['a', 'b'], ['a', 'a', 'b'], ['a', 'b', 'b'], ['a', 'b', 'c']].map(movesOf),
    [undefined, undefined, false, undefined, undefined, false, true],
  );
});

test('a screen that stands still says nothing while something runs that did not when the agent asked', () => {
  const still = { lookedAt: 0, busyAt: 0, first: 7, screens: ['a', 'b', 'b'] };
  assert.equal(goesOn({ ...still, before: { at: 1, processes: 8 } }), undefined);
  assert.equal(goesOn({ ...still, before: { at: 1, processes: 7 } }), false);
  assert.equal(goesOn({ ...still, screens: ['a', 'b', 'c'], before: { at: 1, processes: 8 } }), true);
});
