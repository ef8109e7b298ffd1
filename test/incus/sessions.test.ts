import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { resumeOf } from '../../server/agents/resume.ts';
import { mountedDirs } from '../../server/agents/signal.ts';
import { startModel } from '../support/model.ts';
import { answered, makePlace, type Place, type Run, runAgent, startIn } from './agents-support.ts';
import { until } from './support.ts';

const COI_ID = '7c01c01c-0000-4000-8000-c01c01c01c01';

async function newSession(place: Place) {
  return place.store.create({ agent: 'claude', workspace: place.workspace, path: '/workspace', persistent: false });
}

const saidOnHost = (place: Place, id: string, answers: number) =>
  until('the answer is on the host', () =>
    place.store.transcript(id).then(lines => lines.filter(line => line.role === 'assistant').length >= answers),
  );

test('a session that coi saved goes on here with its history, and coi finds it as it looks for it', async t => {
  const place = await makePlace(t);
  const model = await startModel(t);
  const original = await newSession(place);
  const first = await runAgent(t, place, {
    agent: 'claude',
    model,
    session: original,
    launch: { prompt: 'said to coi' },
  });
  const one = await answered(first, model, 'said to coi');
  await saidOnHost(place, original.id, 1);
  await first.destroy();
  // coi keeps a copy of the whole directory, login and all, and a record with its own six keys.
  const dir = join(place.home, '.coi/sessions-claude', COI_ID);
  await mkdir(dir);
  await cp(join(first.sessionDir, '.claude'), join(dir, '.claude'), { recursive: true });
  await writeFile(join(dir, '.claude/.credentials.json'), '{"claudeAiOauth":{}}', { mode: 0o600 });
  const metadata = {
    session_id: COI_ID,
    container_name: 'coi-00000000-1',
    persistent: false,
    profile_name: '',
    workspace: place.workspace,
    saved_at: new Date().toISOString(),
  };
  await writeFile(join(dir, 'metadata.json'), JSON.stringify(metadata));
  await place.store.remove(original.id);

  const latest = await place.store.latest(place.workspace);
  assert.equal(latest?.id, COI_ID);
  const resume = await resumeOf(first.agent, dir);
  assert.ok(resume);
  const second = await runAgent(t, place, { agent: 'claude', model, session: latest, launch: { resume } });
  await until('the past is shown', async () => (await second.screen()).includes('said to coi'), 60_000);
  await second.say('said here');
  assert.ok((await answered(second, model, 'said here')) > one);
  assert.match(model.with('said here')[0]?.text ?? '', /said to coi/);
  await saidOnHost(place, COI_ID, 2);
  const seen = await second.exec(['ls', '-A', '/home/code/.claude']);
  assert.ok(!seen.stdout.toString().includes('credentials'), 'the login that coi saved does not come along');

  const conversations = await readdir(join(dir, '.claude/projects/-workspace'));
  assert.equal(conversations.filter(name => name.endsWith('.jsonl')).length, 1, 'coi resumes the first one it finds');
  const after = JSON.parse(await readFile(join(dir, 'metadata.json'), 'utf8'));
  for (const key of Object.keys(metadata)) assert.ok(key in after, key);
});

test('two slots at once: conversations and logins are apart, and no login gets under the sessions by a refresh', async t => {
  const place = await makePlace(t);
  const model = await startModel(t);
  const start = async (prompt: string): Promise<{ run: Run; id: string }> => {
    const session = await newSession(place);
    return { run: await runAgent(t, place, { agent: 'claude', model, session, launch: { prompt } }), id: session.id };
  };
  const [a, b] = [await start('in the first slot'), await start('in the second slot')];
  await answered(a.run, model, 'in the first slot');
  await answered(b.run, model, 'in the second slot');
  await Promise.all([saidOnHost(place, a.id, 1), saidOnHost(place, b.id, 1)]);
  assert.equal((await place.store.transcript(a.id))[0]?.text, 'in the first slot');
  assert.equal((await place.store.transcript(b.id))[0]?.text, 'in the second slot');
  for (const { text } of model.requests)
    assert.ok(!(text.includes('in the first slot') && text.includes('in the second slot')));
  // As agents refresh a token: a new file is renamed over the old one.
  const refresh = (value: string) =>
    `cd ~/.claude && echo ${value} >.new && mv .new .credentials.json && echo ${value}2 >.new && mv .new .credentials.json`;
  const wrote = await a.run.exec(['sh', '-c', refresh('first')]);
  assert.equal(wrote.exitCode, 0, wrote.stderr.toString());
  assert.notEqual((await b.run.exec(['cat', '/home/code/.claude/.credentials.json'])).exitCode, 0);
  const kept = await readdir(join(place.home, '.coi'), { recursive: true });
  assert.deepEqual(
    kept.filter(name => /credential|auth\.json/.test(name)),
    [],
  );
});

test('a killed agent, a killed tmux and a poweroff inside lose nothing; resumed in the same container', async t => {
  const place = await makePlace(t);
  const model = await startModel(t);
  const session = await newSession(place);
  const run = await runAgent(t, place, { agent: 'claude', model, session, launch: { prompt: 'before the kill' } });
  await answered(run, model, 'before the kill');
  await saidOnHost(place, session.id, 1);
  await run.exec(['pkill', '-KILL', '-x', 'claude']);
  await run.exec(['tmux', 'kill-server']);
  await run.exec(['systemctl', '--no-block', '--force', 'poweroff'], 0);
  // While the guest goes down, Incus says "Stopped" and "Running" in turn; this key is written when it is really over.
  const power = async () => (await place.incus.instance(run.container))?.instance.config['volatile.last_state.power'];
  await until('it is off', async () => (await power()) === 'STOPPED', 30_000);
  const again = await againIn(place, run, session.id, model);
  await until('the past is shown', async () => (await again.screen()).includes('before the kill'), 60_000);
  await again.say('after the kill');
  await answered(again, model, 'after the kill');
  assert.match(model.with('after the kill')[0]?.text ?? '', /before the kill/);
});

async function againIn(
  place: Place,
  run: Run,
  id: string,
  model: Awaited<ReturnType<typeof startModel>>,
): Promise<Run> {
  const session = await place.store.get(id);
  await place.store.prepare(session, mountedDirs(run.agent), { uid: 1000, gid: 1000 }, '/home/code');
  await place.incus.setState(run.container, 'start');
  const resume = await resumeOf(run.agent, run.sessionDir);
  assert.ok(resume);
  await startIn(place, run.container, { agent: 'claude', model, session, launch: { resume } });
  return run;
}
