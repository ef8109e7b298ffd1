import assert from 'node:assert/strict';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentNamed } from '../../../server/agents/registry.ts';
import { silentLog } from '../../../server/base/log.ts';
import { SessionStore } from '../../../server/sessions/store.ts';
import type { ConversationReader } from '../../../server/sessions/types.ts';
import { COI, coiSession, ID, place } from './support.ts';

test('what the agent said it holds is refreshed and shown, though another conversation is newer', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const other = 'ffffffff-1111-4111-8111-111111111111';
  const line = JSON.stringify({ type: 'user', message: { content: 'said to a script' } });
  const path = join(dir, '.claude/projects/-workspace', `${other}.jsonl`);
  await writeFile(path, `${line}\n`);
  await utimes(path, Date.now() / 1000 + 5, Date.now() / 1000 + 5);
  assert.equal((await store.refresh(ID)).agentSessionId, other);
  await store.update(ID, { conversation: ID });
  const { title, agentSessionId, conversation } = await store.refresh(ID);
  assert.deepEqual(
    { title, agentSessionId, conversation },
    { title: 'said to coi', agentSessionId: ID, conversation: ID },
  );
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'said to coi' }]);
});

test('the conversation of a session is read once at a time', async t => {
  const { home } = await place(t);
  let [running, most] = [0, 0];
  const reader: ConversationReader = {
    ...agentNamed('claude'),
    findConversation: async () => {
      most = Math.max(most, ++running);
      await sleep(5);
      running -= 1;
      return undefined;
    },
  };
  const store = new SessionStore({ home, log: silentLog, reader: () => reader });
  const { id } = await store.create({ workspace: '/w', path: '/workspace', persistent: false, agent: 'claude' });
  await Promise.all([1, 2, 3].map(() => store.refresh(id)));
  assert.equal(most, 1);
});

test('a session of coi is where its conversation is filed, also with a kept path or in a git worktree behind a link', async t => {
  const { home, store } = await place(t);
  const real = join(home, 'real');
  await mkdir(real);
  await symlink(real, join(home, 'link'));
  const slug = (path: string) => path.replace(/[^a-zA-Z0-9]/g, '-');
  const cases = [
    ['kept', '/home/me/my.project', '/home/me/my.project'],
    ['tree', join(home, 'link'), real],
    ['usual', '/home/me/other', '/workspace'],
  ] as const;
  for (const [id, workspace, path] of cases) {
    const dir = join(home, '.coi/sessions-claude', id);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'metadata.json'), JSON.stringify({ ...COI, session_id: id, workspace }));
    await mkdir(join(dir, '.claude/projects', slug(path)), { recursive: true });
    const line = { type: 'user', message: { content: 'said' } };
    await writeFile(join(dir, '.claude/projects', slug(path), `${ID}.jsonl`), JSON.stringify(line));
    assert.equal((await store.get(id)).path, path);
    assert.equal((await store.latest(workspace))?.path, path);
  }
});

test('a title of the user stays when the conversation goes on, and comes back when it is taken away', async t => {
  const { home, store } = await place(t);
  await coiSession(home, COI);
  assert.equal((await store.rename(ID, 'My\u0007 own')).title, 'My own');
  assert.equal((await store.refresh(ID)).title, 'My own');
  assert.equal((await store.rename(ID, '  ')).title, 'said to coi');
});

test('a name that the user gives while the conversation is read stays', async t => {
  const { home } = await place(t);
  await coiSession(home, COI);
  const real = agentNamed('claude');
  const reader: ConversationReader = {
    ...real,
    findConversation: async (dir, path) => {
      await store.rename(ID, 'My own');
      return real.findConversation(dir, path);
    },
  };
  const store: SessionStore = new SessionStore({ home, log: silentLog, reader: () => reader });
  const { title, titled, agentSessionId } = await store.refresh(ID);
  assert.deepEqual([title, titled, agentSessionId], ['My own', true, ID]);
});
