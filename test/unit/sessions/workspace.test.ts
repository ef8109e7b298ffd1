import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { silentLog } from '../../../server/base/log.ts';
import { SessionStore } from '../../../server/sessions/store.ts';
import type { ConversationReader } from '../../../server/sessions/types.ts';

const ID = '0a0a0a0a-1111-4111-8111-111111111112';
const SAVED = 'state/db';

interface Ending {
  after(fn: () => Promise<void> | void): void;
}

/** An agent whose conversations coi leaves in the workspace. */
const READER: ConversationReader = {
  stateDirs: [{ saved: SAVED, home: SAVED }],
  findConversation: async () => ({ title: 'of the session', lastActivityAt: '2026-01-01T00:00:00.000Z' }),
  transcript: async () => [{ role: 'user', text: 'of the session' }],
  inWorkspace: {
    find: async (workspace, path) => ({ title: `in ${workspace} at ${path}` }),
    transcript: async () => [{ role: 'user', text: 'in the workspace' }],
    pathOf: async (workspace, candidates) => candidates.find(path => path === workspace),
  },
};

/** A session that coi made, of an agent of that kind. */
async function place(t: Ending) {
  const home = await mkdtemp(join(tmpdir(), 'ia-sessions-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const dir = join(home, '.coi/sessions-some', ID);
  await mkdir(dir, { recursive: true });
  const record = { session_id: ID, container_name: '', workspace: '/home/me/src', saved_at: '2026-02-03T04:05:06Z' };
  await writeFile(join(dir, 'metadata.json'), JSON.stringify(record));
  return { dir, store: new SessionStore({ home, log: silentLog, reader: () => READER }) };
}

test('what coi left in the workspace is the session’s conversation until it is opened here', async t => {
  const { store } = await place(t);
  assert.equal((await store.get(ID)).path, '/home/me/src');
  assert.equal((await store.refresh(ID)).title, 'in /home/me/src at /home/me/src');
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'in the workspace' }]);
  const { record, giveBack } = await store.take(ID, { path: '/home/me/src', persistent: false });
  assert.equal(record.pathUnsaid, undefined);
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'of the session' }]);
  await giveBack();
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'in the workspace' }]);
  await store.take(ID, { path: '/home/me/src', persistent: false });
  assert.equal((await store.refresh(ID)).title, 'of the session');
});

test('a directory of a session is filled as a whole or stays as it is', async t => {
  const { dir, store } = await place(t);
  const record = await store.get(ID);
  const write = (text: string, result: boolean) => async (to: string) => {
    await writeFile(join(to, 'a'), text);
    return result;
  };
  const held = async () => ({
    names: (await readdir(dir, { recursive: true })).sort(),
    text: await readFile(join(dir, SAVED, 'a'), 'utf8').catch(() => undefined),
  });
  await store.fill(record, SAVED, write('nothing', false));
  assert.deepEqual(await held(), { names: ['metadata.json'], text: undefined });

  await store.fill(record, SAVED, write('first', true));
  await writeFile(join(dir, SAVED, 'b'), 'of an agent');
  await mkdir(join(dir, '.taken-over.tmp/x'), { recursive: true });
  const whole = ['metadata.json', 'state', SAVED, `${SAVED}/a`];
  await store.fill(record, SAVED, write('second', true));
  assert.deepEqual(await held(), { names: whole, text: 'second' });
  await store.fill(record, SAVED, write('third', false));
  const fails = store.fill(record, SAVED, async to => {
    await write('fourth', true)(to);
    throw new Error('on the way');
  });
  await assert.rejects(fails, /on the way/);
  assert.deepEqual(await held(), { names: whole, text: 'second' });
});

test('nothing of a session is filled through a link', async t => {
  const { dir, store } = await place(t);
  const outside = await mkdtemp(join(tmpdir(), 'ia-outside-'));
  t.after(() => rm(outside, { recursive: true, force: true }));
  const record = await store.get(ID);
  for (const [link, target] of [
    ['state', outside],
    [SAVED, outside],
    [SAVED, join(outside, 'missing')],
  ] as const) {
    await rm(join(dir, 'state'), { recursive: true, force: true });
    if (link === SAVED) await mkdir(join(dir, 'state'));
    await symlink(target, join(dir, link));
    const filled = store.fill(record, SAVED, async () => true);
    await assert.rejects(filled, (error: unknown) => error instanceof Failure && error.kind === 'invalid', link);
    assert.deepEqual(await readdir(outside), []);
  }
});
