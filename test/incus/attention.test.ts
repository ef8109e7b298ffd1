import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resumeOf } from '../../server/agents/resume.ts';
import { SIGNALS } from '../../server/agents/signal.ts';
import { Attention } from '../../server/attention/attention.ts';
import { silentLog } from '../../server/base/log.ts';
import type { AgentState } from '../../server/protocol/types.ts';
import { type Model, startModel } from '../support/model.ts';
import { makePlace, type Place, type Run, runAgent, startIn } from './agents-support.ts';
import { until } from './support.ts';

/** An agent in interactive mode whose state is followed. */
interface Followed {
  run: Run;
  place: Place;
  model: Model;
  attention: Attention;
  /** Waits for a state; gives how long it took since the call in milliseconds. */
  reaches(state: AgentState['state'], timeout?: number): Promise<number>;
  seen: AgentState[];
}

async function follow(t: { after(fn: () => void | Promise<void>): void }, agent: string): Promise<Followed> {
  const place = await makePlace(t);
  const model = await startModel(t);
  const session = await place.store.create({
    agent,
    workspace: place.workspace,
    path: '/workspace',
    persistent: false,
  });
  const launch = { permissionMode: 'interactive' as const, ...(agent === 'gemini' ? { model: 'gemini-2.5-pro' } : {}) };
  const run = await runAgent(t, place, { agent, model, session, launch });
  const attention = new Attention(silentLog);
  t.after(() => attention.dispose());
  const seen: AgentState[] = [];
  attention.onChange((_, state) => seen.push(state));
  const { registry } = run.agent;
  attention.track({
    container: run.container,
    session: session.id,
    sessionDir: run.sessionDir,
    signals: SIGNALS.saved,
    ...(registry === undefined ? {} : { registry }),
  });
  const reaches = async (state: AgentState['state'], timeout = 60_000) => {
    const from = performance.now();
    try {
      await until(`the state ${state}`, () => attention.state(run.container).state === state, timeout);
    } catch (error) {
      throw new Error(`${String(error)}; seen: ${JSON.stringify(seen)}\n${await run.screen()}`);
    }
    return performance.now() - from;
  };
  return { run, place, model, attention, reaches, seen };
}

const PROMPT = { claude: '❯', codex: '›', opencode: 'Build', gemini: 'Type your message' } as const;
const QUESTION = {
  claude: 'Do you want to proceed',
  codex: 'Would you like to run',
  opencode: 'Permission required',
  gemini: 'Allow',
} as const;

for (const agent of ['claude', 'codex', 'opencode', 'gemini'] as const) {
  test(`${agent}: prompt, permission question, Esc, turn end and a kill show as states within a second`, async t => {
    const { run, model, attention, reaches, seen } = await follow(t, agent);
    const times: Record<string, number> = {};
    /** From the moment that the screen shows it. */
    const after = async (what: string, shown: () => boolean | Promise<boolean>, state: AgentState['state']) => {
      await until(what, shown, 30_000).catch(async (error: unknown) => {
        throw new Error(`${String(error)}; seen: ${JSON.stringify(seen)}\n${await run.screen()}`);
      });
      times[what] = Math.round(await reaches(state));
    };
    await after('ready', async () => (await run.screen()).includes(PROMPT[agent]), 'idle');
    await run.say('please RUN-A-COMMAND now');
    await after('question', async () => (await run.screen()).includes(QUESTION[agent]), 'waiting');
    assert.match(attention.state(run.container).why ?? '', /^Waits for your answer/);
    await run.key('Escape');
    await after('Esc on the question', async () => !(await run.screen()).includes(QUESTION[agent]), 'idle');
    await run.say('a SLOW one');
    await after('prompt', () => model.with('SLOW').length > 0, 'working');
    await run.key('Escape');
    if (agent === 'opencode') await run.key('Escape');
    await reaches('idle');
    // Some put the interrupted prompt back into their input line.
    await run.key('C-u');
    await run.say('one more turn');
    await after('turn end', async () => (await run.screen()).includes('stand-in answer'), 'idle');
    assert.ok(seen.some(state => state.state === 'working'));
    const killed = performance.now();
    await run.exec(['pkill', '-KILL', ...(agent === 'gemini' ? ['-f', 'approval-mode'] : ['-x', agent])]);
    await reaches('failed');
    times.SIGKILL = Math.round(performance.now() - killed);
    assert.equal(attention.state(run.container).why, 'The agent was killed.');
    t.diagnostic(`milliseconds: ${JSON.stringify(times)}`);
    for (const [what, time] of Object.entries(times)) {
      if (what !== 'ready') assert.ok(time < 1000, `${what}: ${time} ms`);
    }
  });
}

test('claude: a stopped container ends the state, and a start in it begins a new one', async t => {
  const { run, place, model, attention, reaches } = await follow(t, 'claude');
  await reaches('idle');
  await place.incus.setState(run.container, 'stop', { force: true });
  attention.containerStatus(run.container, 'stopped');
  assert.equal(attention.state(run.container).state, 'exited');
  const [session] = await place.store.list();
  assert.ok(session);
  await place.store.prepare(session, [...run.agent.stateDirs, SIGNALS], { uid: 1000, gid: 1000 }, '/home/code');
  await place.incus.setState(run.container, 'start');
  attention.containerStatus(run.container, 'running');
  const resume = await resumeOf(run.agent, run.sessionDir);
  assert.equal(resume, undefined, 'nothing was said in it');
  await startIn(place, run.container, { agent: 'claude', model, session });
  await reaches('idle');
});

test('claude: the end of tmux, without a word of the launch script, ends the state', async t => {
  const { run, reaches } = await follow(t, 'claude');
  await reaches('idle');
  await run.exec(['tmux', 'kill-server']);
  await reaches('exited', 10_000);
});
