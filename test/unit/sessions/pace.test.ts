import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Activity, isDue, type Looked } from '../../../server/flows/sessions/pace.ts';
import type { AgentStateName } from '../../../server/protocol/types.ts';

const TICK = 5000;

/** How many looks `count` ticks lead to, each using `cpu` ms of a processor; as the lookout does it. */
function looks(
  count: number,
  o: { cpu?: number; need?: 'guess' | 'doubt'; state?: AgentStateName; processes?: (tick: number) => number },
): number {
  let known: Looked = { lookedAt: o.need === 'doubt' ? 1 : 0, busyAt: 1 };
  let made = 0;
  for (let i = 1; i <= count; i++) {
    const counters = o.cpu === undefined ? {} : { cpuMs: i * o.cpu, processes: o.processes?.(i) ?? 7 };
    const now: Activity = { at: i * TICK, ...counters };
    const { due, looked } = isDue(known, now, o.need ?? 'guess', o.state ?? 'idle');
    known = due ? { ...looked, lookedAt: now.at, changed: false } : looked;
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
