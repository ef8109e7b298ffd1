import type { AgentState } from '../../server/protocol/types.ts';
import { type Desk, makeDesk } from '../incus/sessions/support.ts';
import { openTalk, type Talk } from '../incus/sessions/talk.ts';
import { until } from '../incus/support.ts';
import type { ModelRequest } from '../support/model.ts';
import { incus } from './setting.ts';
import { print } from './table.ts';

const ROUNDS = 24;
const ENDS = 4;

/** How soon a client sees what a real agent does. */
export async function benchAttention(): Promise<void> {
  const desk = await makeDesk('', { slow: 500 });
  try {
    await benchStates(desk);
  } finally {
    await desk.close();
  }
}

/** Milliseconds from cause to client, per transition. */
type Times = Map<string, number[]>;

async function benchStates(desk: Desk): Promise<void> {
  const times: Times = new Map();
  const backend = await desk.backend({ settings: { permissionMode: 'interactive' } });
  const workspace = await desk.workspace();
  const talk = await openTalk(desk, backend, workspace, { agent: 'claude' });
  await ready(talk);
  for (let i = 0; i < ROUNDS; i++) await oneRound(talk, times, i);
  for (let i = 0; i < ENDS; i++) {
    await noted(times, 'SIGKILL → failed', talk, 'failed', () => ended(exec(talk, 'pkill', '-KILL', '-x', 'claude')));
    await exec(talk, 'tmux', 'kill-server').catch(() => undefined);
    await backend.call('slot/open', { workspace, resume: talk.session });
    await ready(talk);
    await noted(times, 'container stop → exited', talk, 'exited', () => ended(incus('stop', '-f', talk.container)));
    await backend.call('slot/open', { workspace, resume: talk.session });
    await ready(talk);
  }
  for (const [what, values] of times) {
    const [half, most] = [quantile(values, 0.5), quantile(values, 0.95)];
    const detail = `p50 ${Math.round(half)}, p95 ${Math.round(most)} ms of ${values.length}`;
    print({ what: `claude: ${what}`, value: most, unit: ' ms', bar: 1000, detail });
  }
}

/** A question and Esc on it, then a prompt and the end of its turn. */
async function oneRound(talk: Talk, times: Times, i: number): Promise<void> {
  await key(talk, 'C-u');
  const question = `RUN-A-COMMAND, round ${i}`;
  await noted(times, 'question → waiting', talk, 'waiting', async () => {
    await talk.backend.call('slot/send', { container: talk.container, text: question });
    await shows(talk, 'Do you want to proceed');
    return answeredAt(talk.model.with(question).filter(({ reply }) => reply !== undefined && 'command' in reply));
  });
  await noted(times, 'Esc → idle', talk, 'idle', () => ended(key(talk, 'Escape')));
  await key(talk, 'C-u');
  const prompt = `prompt SLOW of round ${i}`;
  const { container } = talk;
  await noted(times, 'prompt sent → working', talk, 'working', () => {
    return ended(talk.backend.call('slot/send', { container, text: prompt }));
  });
  await until('the model is asked', () => talk.model.with(prompt)[0], 30_000);
  await noted(times, 'turn end → idle', talk, 'idle', async () => {
    await talk.state('idle');
    // It asks for a title of the conversation too, with less of it.
    const asked = talk.model.with(prompt);
    const most = Math.max(...asked.map(({ messages }) => messages));
    return answeredAt(asked.filter(({ messages }) => messages === most));
  });
}

/** When the model had given the last of its answers to these: what the agent does with them comes after that. It gives up on some itself. */
function answeredAt(requests: readonly ModelRequest[]): number {
  return Math.max(...requests.flatMap(request => request.answeredAt ?? []));
}

/** When some work ended. */
async function ended(work: Promise<unknown>): Promise<number> {
  await work;
  return performance.now();
}

/** Notes how much later than the moment that `cause` gives the client knows of the state; 0 when it knew before. */
async function noted(
  times: Times,
  what: string,
  talk: Talk,
  state: AgentState['state'],
  cause: () => Promise<number>,
): Promise<void> {
  const known = talk.backend
    .when(talk.container, slot => slot?.agentState.state === state, 60_000)
    .then(() => performance.now());
  const caused = await cause();
  times.set(what, [...(times.get(what) ?? []), Math.max(0, (await known) - caused)]);
}

async function ready(talk: Talk): Promise<void> {
  await talk.state('idle');
  await shows(talk, '❯');
}

function shows(talk: Talk, text: string): Promise<unknown> {
  return until(`the screen shows ${text}`, async () => (await talk.screen()).includes(text), 60_000);
}

function exec(talk: Talk, ...argv: string[]): Promise<unknown> {
  return talk.backend.call('slot/exec', { container: talk.container, argv });
}

function key(talk: Talk, name: string): Promise<unknown> {
  return exec(talk, 'tmux', 'send-keys', '-t', `=coi-${talk.container}:`, name);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}
