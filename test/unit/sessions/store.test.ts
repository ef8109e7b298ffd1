import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { COI, coiSession, ID, place } from './support.ts';

test('a session of ours is a record that coi can read', async t => {
  const { home, store } = await place(t);
  const record = await store.create({
    agent: 'claude',
    workspace: '/home/me/project',
    path: '/workspace',
    container: 'coi-0123abcd-1',
    slot: 1,
    persistent: false,
    title: '  a\u202e title\n',
  });
  const dir = join(home, '.coi/sessions-claude', record.id);
  const metadata = JSON.parse(await readFile(join(dir, 'metadata.json'), 'utf8'));
  assert.equal(metadata.session_id, record.id);
  assert.equal(metadata.container_name, 'coi-0123abcd-1');
  assert.equal(metadata.profile_name, '');
  assert.equal(metadata.workspace, '/home/me/project');
  assert.equal(metadata.persistent, false);
  assert.match(metadata.saved_at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(record.title, 'a title');
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
  assert.equal((await stat(join(dir, 'metadata.json'))).mode & 0o777, 0o600);
  assert.deepEqual(await store.get(record.id), record);
});

test('a session of coi is listed, its title comes from the conversation, and its keys stay', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const [listed] = await store.list({ workspace: '/home/me/project' });
  assert.deepEqual(listed, {
    id: ID,
    agent: 'claude',
    workspace: '/home/me/project',
    path: '/workspace',
    pathUnsaid: true,
    container: 'coi-0123abcd-2',
    slot: 2,
    persistent: true,
    profile: 'big',
    savedAt: '2026-02-03T03:05:06.000Z',
    startedAt: '2026-02-03T03:05:06.000Z',
  });
  const refreshed = await store.refresh(ID);
  assert.equal(refreshed.title, 'said to coi');
  assert.equal(refreshed.agentSessionId, ID);
  const metadata = JSON.parse(await readFile(join(dir, 'metadata.json'), 'utf8'));
  assert.deepEqual(metadata.from_the_future, { kept: true });
  assert.equal(new Date(metadata.saved_at).getTime(), new Date(COI.saved_at).getTime());
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'said to coi' }]);
});

test('sessions of other workspaces and agents are never offered', async t => {
  const { home, store } = await place(t);
  await coiSession(home, COI);
  const base = { path: '/workspace', persistent: false };
  const other = await store.create({ ...base, agent: 'codex', workspace: '/home/me/project' });
  await store.create({ ...base, agent: 'claude', workspace: '/home/me/project/sub' });
  assert.deepEqual((await store.list({ workspace: '/home/me/project' })).map(s => s.id).sort(), [ID, other.id].sort());
  assert.equal((await store.latest('/home/me/project'))?.id, ID);
  assert.equal((await store.latest('/home/me/project', 'codex'))?.id, other.id);
  assert.equal(await store.latest('/home/me'), undefined);
});

test('changes at the same time are all kept', async t => {
  const { home, store } = await place(t);
  await coiSession(home, COI);
  await Promise.all([
    store.update(ID, { title: 'a' }),
    store.update(ID, { container: 'coi-0123abcd-3' }),
    store.update(ID, { slot: 3 }),
    store.update(ID, { agentSessionId: 'x' }),
  ]);
  const record = await store.get(ID);
  assert.deepEqual(
    [record.title, record.container, record.slot, record.agentSessionId],
    ['a', 'coi-0123abcd-3', 3, 'x'],
  );
});

test('a thousand sessions are listed in a second', async t => {
  const { home, store } = await place(t);
  for (let i = 0; i < 1000; i++) {
    const dir = join(home, '.coi/sessions-claude', `s${i}`);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'metadata.json'), JSON.stringify({ ...COI, session_id: `s${i}` }));
  }
  const from = performance.now();
  assert.equal((await store.list()).length, 1000);
  assert.ok(performance.now() - from < 1000, `${performance.now() - from} ms`);
});
