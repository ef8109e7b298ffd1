import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { incusCli } from '../flows/support.ts';
import { until } from '../support.ts';
import { type Desk, makeDesk } from './support.ts';
import { openTalk, type Talk } from './talk.ts';

const SENTENCES = [
  'the first turn of it',
  'the second turn of it',
  'after a kill',
  'after a kill of everything',
  'after a stop',
  'after a poweroff',
];

/**
 * One conversation with an agent through all that can end its container. `short`: through the hardest two only, for an
 * agent whose start takes long.
 */
export function describeResume(agent: string, o: { short?: boolean } = {}): void {
  describe(`${agent}: the conversation goes on`, { skip: process.getuid?.() !== 0 }, () => {
    let desk: Desk;
    let workspace: string;
    let talk: Talk;
    let count = 0;
    before(async () => {
      desk = await makeDesk();
      workspace = await desk.workspace();
    });
    after(() => desk.close());

    /** Another turn, which must carry everything that was said before. */
    async function turn(text: string): Promise<void> {
      const request = await talk.turn(text);
      assert.ok(request.messages > count, `${text}: ${request.messages} messages after ${count}`);
      if (count > 0) assert.match(request.text, /the first turn of it/);
      count = request.messages;
    }

    async function resume(): Promise<void> {
      const before = talk;
      talk = await openTalk(desk, talk.backend, workspace, { resume: talk.session });
      assert.equal(talk.session, before.session);
      assert.equal(talk.slot, before.slot);
    }

    it('in a second turn', async () => {
      talk = await openTalk(desk, await desk.backend(), workspace, { agent, prompt: 'the first turn of it' });
      count = (await talk.asked('the first turn of it')).messages;
      await turn('the second turn of it');
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

    it('after incus stop, in the same container', { skip: o.short === true }, async () => {
      const { createdAt } = (await desk.lab.instance(talk.container)) ?? {};
      await incusCli('stop', '-f', talk.container);
      await resume();
      assert.equal((await desk.lab.instance(talk.container))?.createdAt, createdAt);
      await turn('after a stop');
    });

    it('after poweroff inside', { skip: o.short === true }, async () => {
      // The command may not live to tell how it ended.
      await talk.backend.call('slot/exec', { container: talk.container, argv: ['poweroff'] }).catch(() => {});
      await until('it is stopped', async () => !(await desk.lab.instance(talk.container))?.running, 60_000);
      await resume();
      await turn('after a poweroff');
    });

    it('in one transcript', async () => {
      const { session, transcript } = await talk.backend.call('session/show', { id: talk.session });
      assert.equal(session.title, SENTENCES[0]);
      assert.equal(session.live, true);
      assert.deepEqual(
        transcript.filter(line => line.role === 'user').map(line => line.text),
        o.short === true ? SENTENCES.slice(0, 4) : SENTENCES,
      );
    });
  });
}
