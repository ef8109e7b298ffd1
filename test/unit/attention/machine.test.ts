import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsLook } from '../../../server/attention/look.ts';
import { next, unknownYet } from '../../../server/attention/machine.ts';
import type { AttentionInput, Memory, SignalWord } from '../../../server/attention/types.ts';

const signal = (
  word: SignalWord,
  at: number,
  more: { detail?: string; code?: number; helper?: true } = {},
): AttentionInput => ({
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
const container = (status: 'running' | 'stopped' | 'starting' | 'paused' | 'failed', at: number): AttentionInput => ({
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

test('a helper that goes on after the turn leaves it over; its question counts until it goes on', () => {
  const helper = (word: SignalWord, at: number) => signal(word, at, { helper: true });
  const over = [signal('start', 1), signal('ready', 2), signal('working', 3), helper('working', 4), signal('idle', 5)];
  assert.equal(stateAfter(...over, helper('working', 6)), 'idle');
  assert.equal(stateAfter(...over, helper('waiting', 6)), 'waiting');
  assert.equal(stateAfter(...over, helper('waiting', 6), helper('working', 7)), 'idle');
  const on = over.slice(0, 3);
  assert.equal(stateAfter(...on, helper('waiting', 4), helper('working', 5)), 'working');
  assert.equal(stateAfter(...on, signal('ready', 4), helper('waiting', 5), helper('working', 6)), 'working');
  assert.equal(stateAfter(...over, container('paused', 6), helper('working', 7), container('running', 8)), 'idle');
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

test('a registry note counts although the clock was set back since the last signal', () => {
  assert.equal(stateAfter(signal('waiting', 5 * MINUTE), registry('busy', 1000, 1020)), 'working');
  assert.equal(
    stateAfter(signal('waiting', 1050), registry('busy', 1000, 1020)),
    'waiting',
    'it came during the reading',
  );
});

test('what follows in the registry on the state that holds needs no time to settle', () => {
  const esc = [registry('waiting', 100), signal('waiting', 160), registry('idle', 155, 170)];
  assert.equal(stateAfter(...esc), 'idle');
  assert.equal(after(...esc).agent.since, new Date(155).toISOString());
});

test('a hook that tells late of what the registry has left behind is no news', () => {
  const idle = [registry('busy', 50), registry('waiting', 100), registry('idle', 155)];
  assert.equal(stateAfter(...idle, signal('waiting', 400)), 'idle');
  assert.equal(stateAfter(...idle, signal('waiting', 400), registry('waiting', 410)), 'waiting');
  assert.equal(stateAfter(...idle, signal('waiting', 2000)), 'waiting', 'a new question');
  assert.equal(stateAfter(...idle, signal('working', 400)), 'working', 'a new prompt');
  const short = [registry('waiting', 100), registry('busy', 150), registry('idle', 155)];
  assert.equal(stateAfter(...short, signal('working', 400)), 'working', 'a new prompt soon after a short turn');
});

test('an agent whose files cannot be watched is unknown, and looked at from then on', () => {
  const deaf = after(signal('start', 1), registry('idle', 5), { kind: 'deaf', why: 'Cannot.', at: 9 });
  assert.deepEqual([deaf.agent.state, deaf.agent.why, needsLook(deaf)], ['unknown', 'Cannot.', 'guess']);
  assert.equal(stateAfter(signal('exit', 1, { code: 3 }), { kind: 'deaf', why: 'Cannot.', at: 9 }), 'failed');
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

test('a pause on the way of which the container is changing keeps the state, whatever the registry has not caught up with', () => {
  const works = [
    registry('idle', 1000),
    signal('working', 2000),
    container('starting', 2100),
    container('paused', 2200),
  ];
  assert.equal(stateAfter(...works), 'working');
});

test('a start is not lost when the news that the container runs comes after it', () => {
  assert.equal(stateAfter(container('stopped', 1), signal('start', 2), container('running', 3)), 'starting');
  assert.equal(stateAfter(container('stopped', 1), container('running', 3)), 'unknown');
});

test('what was heard before the news that the container is starting counts once it runs', () => {
  const early = [container('stopped', 1), signal('start', 2), signal('ready', 3), container('starting', 4)];
  assert.equal(stateAfter(...early), 'starting');
  assert.equal(stateAfter(...early, container('running', 5)), 'idle');
  assert.equal(
    stateAfter(...early, signal('working', 5), container('running', 6)),
    'working',
    'nor is news lost for it',
  );
});

test('an agent outlives that its container is said to have failed or to be changing', () => {
  const waits = [signal('start', 1), signal('waiting', 1000)];
  for (const status of ['failed', 'starting'] as const) {
    const back = after(...waits, container(status, 2000), container('running', 3000));
    assert.deepEqual([back.agent.state, back.agent.since], ['waiting', new Date(1000).toISOString()], status);
  }
  const broken = [...waits, container('failed', 2000)];
  assert.equal(stateAfter(...broken, signal('idle', 2500)), 'failed');
  assert.equal(stateAfter(...broken, signal('idle', 2500), container('running', 3000)), 'idle');
  assert.equal(stateAfter(...broken, registry('busy', 2500), container('running', 3000)), 'working');
  const dead = [...waits, signal('exit', 1500, { code: 137 })];
  assert.equal(
    after(...dead, container('failed', 2000), container('running', 3000)).agent.why,
    'The agent was killed.',
  );
  assert.equal(stateAfter(...dead, container('starting', 2000), container('running', 3000)), 'starting');
  assert.equal(stateAfter(container('starting', 1), container('running', 2)), 'starting', 'it was never heard');
  assert.equal(stateAfter(container('stopped', 1), container('failed', 2), container('running', 3)), 'unknown');
});

test('an agent that stays silent after its start counts as idle, but no other state does', () => {
  assert.equal(stateAfter(signal('start', 1), { kind: 'overdue', at: 9 }), 'idle');
  assert.equal(stateAfter(signal('start', 1), signal('working', 2), { kind: 'overdue', at: 9 }), 'working');
});

test('an agent that tells nothing is unknown while it runs', () => {
  const memory = [signal('start', 1)].reduce(next, unknownYet(0, { quiet: true }));
  assert.equal(memory.agent.state, 'unknown');
  assert.equal(next(memory, signal('exit', 2, { code: 0 })).agent.state, 'exited');
});

const look = (seen: 'none' | 'shell' | 'program', at: number, changedAt?: number): AttentionInput => ({
  kind: 'look',
  seen,
  at,
  ...(changedAt === undefined ? {} : { changedAt }),
});
const MINUTE = 60_000;

test('the end of tmux is an end by the user, and that of the container says more', () => {
  const closed = after(signal('idle', 1), signal('exit', 2, { code: 129 }));
  assert.deepEqual([closed.agent.state, closed.agent.why], ['exited', 'Its tmux session was closed.']);
  assert.equal(next(closed, container('stopped', 3)).agent.why, 'The container is not running.');
});

test('an agent without signals is judged by its screen, which the reason says', () => {
  const quiet = unknownYet(0, { quiet: true });
  assert.equal(needsLook(quiet), 'guess');
  const works = next(quiet, look('program', MINUTE, MINUTE - 2000));
  assert.deepEqual(
    [works.agent.state, works.agent.why],
    ['working', 'There are no signals from it; its screen changes.'],
  );
  const rests = next(works, look('program', 2 * MINUTE, MINUTE));
  assert.equal(rests.agent.state, 'idle');
  assert.equal(rests.agent.since, new Date(MINUTE).toISOString(), 'since its screen stands still');
  const ended = next(rests, look('shell', 3 * MINUTE));
  assert.equal(ended.agent.state, 'exited');
  // Nobody has told how it ended, so what is begun by hand in its place counts.
  assert.equal(needsLook(ended), 'guess');
  assert.equal(next(ended, look('program', 4 * MINUTE, 4 * MINUTE)).agent.state, 'working');
  assert.equal(next(works, look('none', 3 * MINUTE)).agent.state, 'exited');
});

test('an agent whose hooks are broken is looked at after its start, and no longer when it is heard', () => {
  const silent = after(signal('start', 1), { kind: 'overdue', at: 8000 });
  assert.equal(needsLook(after(signal('start', 1))), undefined);
  assert.equal(needsLook(silent), 'guess');
  assert.match(next(silent, look('program', MINUTE, 9000)).agent.why ?? '', /stands still, and it may ask for a login/);
  assert.equal(next(silent, look('program', MINUTE, MINUTE)).agent.state, 'working');
  assert.equal(needsLook(next(silent, signal('waiting', MINUTE))), undefined);
});

test('a shell that waits is idle', () => {
  const shell = next(unknownYet(0, { quiet: true, shell: true }), look('shell', MINUTE));
  assert.deepEqual([shell.agent.state, shell.agent.why], ['idle', 'The shell waits for a command.']);
  assert.equal(next(shell, look('program', 2 * MINUTE, 2 * MINUTE)).agent.state, 'working');
});

test('a look believes signals, but for an end and a screen that stands still for minutes', () => {
  const works = after(signal('start', 1), signal('working', 1000));
  assert.equal(needsLook(works), 'doubt');
  assert.equal(next(works, look('program', MINUTE, 2000)).agent.state, 'working');
  assert.equal(next(works, look('program', 5 * MINUTE, 2000)).agent.state, 'idle');
  assert.equal(next(works, look('shell', MINUTE)).agent.state, 'exited');
  assert.equal(next(works, look('none', MINUTE)).agent.state, 'exited');
  const waits = next(works, signal('waiting', 2000));
  assert.equal(next(waits, look('program', 5 * MINUTE, 2000)).agent.state, 'waiting');
  const failed = next(works, signal('exit', 2000, { code: 137 }));
  for (const seen of ['none', 'shell', 'program'] as const)
    assert.equal(next(failed, look(seen, MINUTE, MINUTE)).agent.state, 'failed', seen);
});

test('an agent that does not tell of an answer works when its screen goes on changing, and waits again when it does not', () => {
  const asked = [signal('working', 1000), signal('waiting', 2000, { detail: 'Bash' })].reduce(
    next,
    unknownYet(0, { mute: true }),
  );
  const seen = (memory: Memory, at: number, moves?: boolean) =>
    next(memory, { kind: 'look', seen: 'program', changedAt: at, at, ...(moves === undefined ? {} : { moves }) });
  assert.equal(needsLook(asked), 'answer');
  for (const moves of [undefined, false]) assert.equal(seen(asked, MINUTE, moves).agent.state, 'waiting');
  const works = seen(asked, MINUTE, true);
  assert.deepEqual([works.agent.state, works.agent.why], ['working', 'Its screen changes since it asked.']);
  assert.equal(needsLook(works), 'answer', 'it is not for certain');
  assert.equal(seen(works, 2 * MINUTE, true).agent.since, works.agent.since);
  assert.deepEqual(seen(works, 2 * MINUTE, false).agent, asked.agent, 'since then, and for the same');
  const done = next(works, signal('working', 2 * MINUTE));
  assert.equal(needsLook(done), 'doubt');
  assert.equal(seen(done, 2 * MINUTE, false).agent.state, 'working', 'its tool has ended');
  const tells = after(signal('working', 1000), signal('waiting', 2000));
  assert.equal(needsLook(tells), undefined);
  assert.equal(seen(tells, MINUTE, true).agent.state, 'waiting');
});

test('a look into a container that is paused or down says nothing', () => {
  for (const status of ['paused', 'stopped'] as const) {
    const memory = after(signal('working', 1000), container(status, 2000));
    assert.equal(next(memory, look('none', MINUTE)).agent.state, memory.agent.state);
    assert.equal(needsLook(memory), undefined);
  }
});
