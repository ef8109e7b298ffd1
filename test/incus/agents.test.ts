import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { startModel } from '../support/model.ts';
import { answered, makePlace, runAgent } from './agents-support.ts';
import { until } from './support.ts';

for (const agent of ['claude', 'codex', 'opencode', 'gemini']) {
  test(`${agent}: two turns, the container destroyed, resumed in a new one with the whole history`, async t => {
    const place = await makePlace(t);
    const model = await startModel(t);
    const session = await place.store.create({
      agent,
      workspace: place.workspace,
      path: '/workspace',
      persistent: false,
    });
    const more = agent === 'gemini' ? { model: 'gemini-2.5-pro' } : {};
    const first = await runAgent(t, place, { agent, model, session, launch: { ...more, prompt: '-first turn of it' } });
    const one = await answered(first, model, 'first turn of it');
    await until('the first turn ends', () => place.store.transcript(session.id).then(lines => lines.length >= 2));
    await first.say('second turn of it');
    const two = await answered(first, model, 'second turn of it');
    assert.ok(two > one, `the second turn carries the first one: ${one}, ${two}`);
    await until('the second turn is on the host', () =>
      place.store.transcript(session.id).then(lines => lines.filter(line => line.role === 'assistant').length >= 2),
    );
    await first.destroy();

    const known = await place.store.refresh(session.id);
    assert.equal(known.title, '-first turn of it');
    const transcript = await place.store.transcript(session.id);
    assert.deepEqual(
      transcript.map(line => line.role),
      ['user', 'assistant', 'user', 'assistant'],
    );
    assert.equal(transcript[2]?.text, 'second turn of it');
    assert.deepEqual(await loginFiles(first.sessionDir), []);

    assert.ok(known.agentSessionId, 'the agent’s own id is known');
    const second = await runAgent(t, place, {
      agent,
      model,
      session: known,
      launch: { ...more, resume: { agentSessionId: known.agentSessionId } },
    });
    await until(
      'the resumed screen shows the past',
      async () => (await second.screen()).includes('second turn of it'),
      60_000,
    );
    await second.say('third turn of it');
    const three = await answered(second, model, 'third turn of it');
    assert.ok(three > two, `the third turn carries the history: ${two}, ${three}`);
    const request = model.with('third turn of it')[0];
    assert.match(request?.text ?? '', /first turn of it/);
    assert.match(request?.text ?? '', /second turn of it/);
  });
}

/** Names of files of a session that could hold a login. */
async function loginFiles(sessionDir: string): Promise<string[]> {
  const names = await readdir(sessionDir, { recursive: true });
  return names.filter(name => /auth\.json|credential|oauth/i.test(name));
}
