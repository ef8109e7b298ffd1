import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { COI, coiSession, ID, isFailure, place } from './support.ts';

test('damaged records: a clear error, untouched, and the others are still listed', async t => {
  const { home, store, warned } = await place(t);
  await coiSession(home, COI);
  const damaged: [string, string][] = [
    ['broken', '{'],
    ['list', '[]'],
    ['nowhere', '{"saved_at":"2026-01-01T00:00:00Z"}'],
    ['relative', '{"workspace":"a/b","saved_at":"2026-01-01T00:00:00Z"}'],
    ['undated', '{"workspace":"/w","saved_at":"soon"}'],
    ['foreign', `{"session_id":"${ID}","workspace":"/w","saved_at":"2026-01-01T00:00:00Z"}`],
    ['huge', `{"workspace":"/w","x":"${'x'.repeat(300_000)}"}`],
  ];
  for (const [id, text] of damaged) await coiSession(home, text, id);
  await mkdir(join(home, '.coi/sessions-claude/link'));
  await symlink(
    join(home, '.coi/sessions-claude', ID, 'metadata.json'),
    join(home, '.coi/sessions-claude/link/metadata.json'),
  );
  await mkdir(join(home, '.coi/sessions-claude/empty'));
  assert.deepEqual(
    (await store.list()).map(s => s.id),
    [ID],
  );
  await store.list();
  assert.equal(warned.length, damaged.length + 1, 'each is told once');
  assert.equal((await store.damaged()).length, damaged.length + 1);
  for (const [id, text] of damaged) {
    await assert.rejects(store.get(id), isFailure('invalid'), id);
    await assert.rejects(store.update(id, { title: 'x' }), isFailure('invalid'), id);
    assert.equal(await readFile(join(home, '.coi/sessions-claude', id, 'metadata.json'), 'utf8'), text);
  }
  await assert.rejects(store.get('empty'), isFailure('not-found'));
  await store.remove('broken');
  assert.equal((await store.damaged()).length, damaged.length);
});

test('hostile values of a record are made harmless', async t => {
  const { home, store } = await place(t);
  await coiSession(home, {
    ...COI,
    title: `x\u001b[31m${'y'.repeat(500)}`,
    slot: -1,
    container_name: { a: 1 },
    profile_name: 'a\nb',
    agent_session_id: '../../../etc/passwd',
    path: 'relative',
    persistent: 'true',
  });
  const record = await store.get(ID);
  assert.ok((record.title?.length ?? 0) <= 80);
  assert.ok(!record.title?.includes('\u001b'));
  assert.deepEqual(
    [record.slot, record.container, record.profile, record.agentSessionId, record.path, record.persistent],
    [undefined, undefined, 'a b', undefined, '/workspace', false],
  );
});

test('names that lead elsewhere are no sessions', async t => {
  const { home, store } = await place(t);
  await mkdir(join(home, '.coi/sessions-claude'), { recursive: true });
  await writeFile(join(home, '.coi/metadata.json'), JSON.stringify({ ...COI, session_id: '..' }));
  for (const id of ['..', '.', '../claude', 'a/b', '', 'x\0y', '-rf', 'a'.repeat(200)]) {
    await assert.rejects(store.get(id), isFailure('not-found'), JSON.stringify(id));
    await assert.rejects(store.remove(id), isFailure('not-found'), JSON.stringify(id));
  }
  assert.throws(() => store.directory('../x', ID), isFailure('invalid'));
});
