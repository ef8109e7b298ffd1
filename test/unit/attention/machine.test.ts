import assert from 'node:assert/strict';
import { test } from 'node:test';
import { next, unknownYet } from '../../../server/attention/machine.ts';
import type { AttentionInput, Memory, SignalWord } from '../../../server/attention/types.ts';

const signal = (word: SignalWord, at: number, more: { detail?: string; code?: number } = {}): AttentionInput => ({
  kind: 'signal',
  word,
  at,
  ...more,
});
const registry = (status: 'busy' | 'waiting' | 'idle' | 'none', updatedAt: number, at = updatedAt): AttentionInput => ({
  kind: 'registry',
  status,
  updatedAt,
  at,
});
const container = (status: 'running' | 'stopped' | 'starting' | 'paused', at: number): AttentionInput => ({
  kind: 'container',
  status,
  at,
});

function after(...inputs: AttentionInput[]): Memory {
  return inputs.reduce(next, unknownYet(0));
}

const stateAfter = (...inputs: AttentionInput[]) => after(...inputs).agent.state;

test('a turn: starting, idle, working, waiting, working, idle', () => {
  const inputs = [
    signal('start', 1),
    signal('ready', 2),
    signal('working', 3),
    signal('waiting', 4),
    signal('idle', 6),
  ];
  const states = inputs.map((_, i) => stateAfter(...inputs.slice(0, i + 1)));
  assert.deepEqual(states, ['starting', 'idle', 'working', 'waiting', 'idle']);
});

test('since is when the state began, and the reason of a question names the tool', () => {
  const memory = after(signal('working', 1000), signal('working', 2000));
  assert.equal(memory.agent.since, new Date(1000).toISOString());
  assert.equal(next(memory, signal('waiting', 3000, { detail: 'Bash' })).agent.why, 'Waits for your answer: Bash.');
});

test('ready in the middle of a turn, as after compaction, changes nothing', () => {
  assert.equal(stateAfter(signal('start', 1), signal('working', 2), signal('ready', 3)), 'working');
});

test('Esc: no hook tells, the registry does', () => {
  assert.equal(stateAfter(signal('waiting', 5), registry('waiting', 6), registry('idle', 9)), 'idle');
});

test('a registry note from before the last signal waits until the time to settle is over', () => {
  const memory = after(signal('waiting', 100), registry('busy', 90, 120));
  assert.equal(memory.agent.state, 'waiting');
  assert.equal(next(memory, { kind: 'settle', at: 800 }).agent.state, 'working');
});

test('a hook that comes late is corrected', () => {
  const late = after(registry('busy', 100), signal('idle', 150));
  assert.equal(late.agent.state, 'idle');
  assert.equal(next(late, { kind: 'settle', at: 850 }).agent.state, 'working');
});

test('the end: by the user, by SIGKILL, without the program, with an error', () => {
  assert.equal(stateAfter(signal('idle', 1), signal('exit', 2, { code: 0 })), 'exited');
  assert.equal(stateAfter(signal('idle', 1), signal('exit', 2, { code: 130 })), 'exited');
  assert.equal(after(signal('exit', 2, { code: 137 })).agent.why, 'The agent was killed.');
  assert.equal(after(signal('exit', 2, { code: 127 })).agent.why, 'The agent was not found in the container.');
  assert.equal(after(signal('exit', 2, { code: 3 })).agent.state, 'failed');
});

test('after a SIGKILL neither the stale registry nor a late hook revives the agent', () => {
  const dead = [registry('busy', 5), signal('exit', 10, { code: 137 })];
  assert.equal(stateAfter(...dead, registry('busy', 5, 20)), 'failed');
  assert.equal(stateAfter(...dead, { kind: 'settle', at: 900 }), 'failed');
  assert.equal(stateAfter(...dead, signal('working', 12)), 'failed');
});

test('an agent that the user starts again by hand is seen by its registry', () => {
  assert.equal(stateAfter(signal('exit', 10, { code: 0 }), registry('idle', 50)), 'idle');
});

test('a registry that is taken away ends the agent, and the launch script can still say why', () => {
  const gone = after(registry('idle', 5), registry('none', 9));
  assert.equal(gone.agent.state, 'exited');
  assert.equal(next(gone, signal('exit', 10, { code: 1 })).agent.state, 'failed');
  assert.equal(stateAfter(signal('idle', 1), registry('none', 2)), 'idle', 'one that never was says nothing');
});

test('a stopped container ends any agent; a failure keeps its reason', () => {
  assert.equal(stateAfter(signal('working', 1), container('stopped', 2)), 'exited');
  assert.equal(stateAfter(signal('exit', 1, { code: 137 }), container('stopped', 2)), 'failed');
  assert.equal(stateAfter(signal('working', 1), container('stopped', 2), signal('idle', 3)), 'exited');
  assert.equal(stateAfter(registry('busy', 1), container('stopped', 2), registry('busy', 3)), 'exited');
});

test('a paused container keeps the state', () => {
  assert.equal(stateAfter(signal('waiting', 1), container('paused', 2), container('running', 3)), 'waiting');
});

test('a start is not lost when the news that the container runs comes after it', () => {
  assert.equal(stateAfter(container('stopped', 1), signal('start', 2), container('running', 3)), 'starting');
  assert.equal(stateAfter(container('stopped', 1), container('running', 3)), 'unknown');
});

test('an agent that stays silent after its start counts as idle, but no other state does', () => {
  assert.equal(stateAfter(signal('start', 1), { kind: 'overdue', at: 9 }), 'idle');
  assert.equal(stateAfter(signal('start', 1), signal('working', 2), { kind: 'overdue', at: 9 }), 'working');
});

test('an agent that tells nothing is unknown while it runs', () => {
  const memory = [signal('start', 1)].reduce(next, unknownYet(0, true));
  assert.equal(memory.agent.state, 'unknown');
  assert.equal(next(memory, signal('exit', 2, { code: 0 })).agent.state, 'exited');
});
