import assert from 'node:assert/strict';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { coiName, incusCli } from '../flows/support.ts';
import { until } from '../support.ts';
import { type Desk, KEY, makeDesk } from './support.ts';
import { openTalk, type Talk } from './talk.ts';

// A prompt that begins with a dash is no option of the agent.
const FIRST = '-the first turn of it';
const SENTENCES = [
  FIRST,
  'the second turn of it',
  'after what it was asked',
  'after a kill',
  'after a kill of everything',
  'after a stop',
  'after a poweroff',
];

const COI_ID = '0f0e0d0c-1111-4222-8333-444455556667';

const QUESTION: Readonly<Record<string, string>> = {
  claude: 'Do you want to proceed',
  codex: 'Would you like to run',
  opencode: 'Permission required',
  gemini: 'Allow',
};

/** Within this a state must follow what the screen shows (ms). How soon it does on a machine that is not busy, the bench tells. */
const SOON = 90_000;

/**
 * One conversation with an agent: what it does shows as states, and it goes on through all that can end its container.
 * `coi`: also from a directory as coi saves it.
 */
export function describeResume(agent: string, o: { coi?: boolean } = {}): void {
  describe(`${agent}: the conversation goes on`, { skip: process.getuid?.() !== 0 }, () => {
    let desk: Desk;
    let workspace: string;
    let talk: Talk;
    const said: string[] = [];
    before(async () => {
      desk = await makeDesk('', { slow: 600_000 });
      workspace = await desk.workspace();
    });
    after(() => desk.close());

    /** Another turn, which must carry everything that was said before. */
    async function turn(text: string): Promise<void> {
      const request = await talk.turn(text);
      for (const before of said) assert.ok(request.text.includes(before), `${text}: without "${before}"`);
      said.push(text);
    }

    async function resume(): Promise<void> {
      const before = talk;
      talk = await openTalk(desk, talk.backend, workspace, { resume: talk.session });
      assert.equal(talk.session, before.session);
      assert.equal(talk.slot, before.slot);
    }

    it('in a second turn, with the login elsewhere', async () => {
      const backend = await desk.backend({ settings: { permissionMode: 'interactive' } });
      talk = await openTalk(desk, backend, workspace, { agent, prompt: FIRST });
      await talk.asked(FIRST);
      said.push(FIRST);
      await turn('the second turn of it');
      const saved = join(desk.lab.home, `.coi/sessions-${agent}`, talk.session);
      const names = await readdir(saved, { recursive: true });
      assert.deepEqual(
        names.filter(name => /auth\.json|credential|oauth/i.test(name)),
        [],
      );
      for (const name of names) {
        // Directories have no content, nor has what went meanwhile.
        const content = await readFile(join(saved, name)).catch(() => '');
        assert.ok(!content.includes(KEY), `${name} has the key`);
      }
      if (agent !== 'codex') return;
      // It shares its login here; what it knows of conversations is not beside that, where other slots would read it.
      assert.ok(names.some(name => /sqlite\/thread_history.*\.sqlite$/.test(name)));
      const shared = await readdir(join(desk.lab.directory, 'codex-login'), { recursive: true });
      assert.deepEqual(
        shared.filter(name => /\.sqlite|rollout-/.test(name)),
        [],
      );
    });

    it('while a question, Esc, a prompt and a kill show as states', async () => {
      await talk.type('please RUN-A-COMMAND now');
      await talk.shows(QUESTION[agent] ?? '');
      const slot = await talk.state('waiting', SOON);
      assert.match(slot.agentState.why ?? '', /^Waits for your answer/);
      await talk.leave(QUESTION[agent] ?? '');
      await talk.state('idle', SOON);
      // Some put what was interrupted back into their input line.
      await talk.key('C-u');
      await talk.type('a SLOW one');
      await until('the model is asked', () => talk.model.with('a SLOW one')[0], 90_000);
      await talk.state('working', SOON);
      await talk.escape();
      await talk.key('C-u');
      await turn('after what it was asked');
      // gemini 0.61 makes one message of its first prompt and of its note about the surroundings when a request is cancelled,
      // and leaves that one out when it resumes.
      if (agent === 'gemini') said.shift();
      await talk.kill();
      assert.equal((await talk.state('failed', SOON)).agentState.why, 'The agent was killed.');
      // In the place of the shell that it left.
      await resume();
      await talk.state('idle');
    });

    it('after the container was killed', async () => {
      await talk.backend.call('slot/kill', { container: talk.container });
      await resume();
      await turn('after a kill');
    });

    it('after the backend was killed and the container deleted by force', async () => {
      await talk.backend.kill();
      await incusCli('delete', '-f', talk.container);
      talk = await openTalk(desk, await desk.backend(), workspace, { resume: 'latest' });
      await turn('after a kill of everything');
    });

    it('after the end of tmux and a shutdown of the machine, in the same container', async () => {
      const { createdAt } = (await desk.lab.instance(talk.container)) ?? {};
      await talk.inside('tmux', 'kill-server');
      await talk.state('exited', SOON);
      await resume();
      // Gemini begins its record of the conversation anew then, and is at a loss with one that was cut short in this moment.
      await talk.ready();
      // As the machine does it, which waits for a container until it has come to its own end.
      await incusCli('stop', '--timeout', '180', talk.container);
      await incusCli('config', 'set', talk.container, 'volatile.last_state.power=RUNNING');
      await talk.backend.when(talk.container, s => s?.interrupted === true && s.agentState.state === 'exited');
      await resume();
      assert.equal((await desk.lab.instance(talk.container))?.createdAt, createdAt);
      await turn('after a stop');
    });

    it('after poweroff inside', async () => {
      // The command may not live to tell how it ended.
      await talk.backend.call('slot/exec', { container: talk.container, argv: ['poweroff'] }).catch(() => {});
      await until('it is stopped', async () => !(await desk.lab.instance(talk.container))?.running, 120_000);
      await resume();
      await turn('after a poweroff');
    });

    it('in one transcript', async () => {
      const { session, transcript } = await talk.backend.call('session/show', { id: talk.session });
      assert.equal(session.title, FIRST);
      assert.equal(session.live, true);
      // Gemini notes a prompt anew when it has to ask the model again.
      const isFirst = (text: string, i: number) => transcript.findIndex(line => line.text === text) === i;
      const known = transcript.filter(
        ({ role, text }, i) => role === 'assistant' || (SENTENCES.includes(text) && isFirst(text, i)),
      );
      assert.deepEqual(
        known.filter(line => line.role === 'user').map(line => line.text),
        SENTENCES,
      );
      const first = known.slice(0, 4).map(line => line.role);
      assert.deepEqual(first, ['user', 'assistant', 'user', 'assistant']);
    });

    it('from what coi saved', { skip: o.coi !== true }, async () => {
      await talk.backend.call('slot/kill', { container: talk.container });
      const other = await desk.workspace();
      const sessions = join(desk.lab.home, `.coi/sessions-${agent}`);
      await cp(join(sessions, talk.session, `.${agent}`), join(sessions, COI_ID, `.${agent}`), { recursive: true });
      const record = { session_id: COI_ID, container_name: coiName(other, 1), persistent: false, profile_name: '' };
      const saved = JSON.stringify({ ...record, workspace: other, saved_at: '2026-01-02T03:04:05+01:00' });
      await writeFile(join(sessions, COI_ID, 'metadata.json'), saved);
      talk = await openTalk(desk, talk.backend, other, { resume: COI_ID });
      await turn('after coi');
    });
  });
}
