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

const DAY = (day: number) => `2026-01-0${day}T00:00:00.000Z`;

/** An agent whose conversations coi leaves in the workspace. In the session's directory is one when there is a file. */
const READER: ConversationReader = {
  stateDirs: [{ saved: SAVED, home: SAVED }],
  findConversation: async dir => {
    const agentSessionId = await readFile(join(dir, SAVED, 'a'), 'utf8').catch(() => undefined);
    return agentSessionId === undefined
      ? undefined
      : { agentSessionId, title: 'of the session', lastActivityAt: DAY(2) };
  },
  transcript: async () => [{ role: 'user', text: 'of the session' }],
  inWorkspace: {
    find: async (workspace, path) => ({
      agentSessionId: 'of-coi',
      title: `in ${workspace} at ${path}`,
      lastActivityAt: workspace === '/home/me/old' ? DAY(1) : DAY(3),
    }),
    transcript: async () => [{ role: 'user', text: 'in the workspace' }],
    pathOf: async (workspace, candidates) => candidates.find(path => path === workspace),
  },
};

/** A session that coi made, of an agent of that kind. */
async function place(t: Ending, workspace = '/home/me/src') {
  const home = await mkdtemp(join(tmpdir(), 'ia-sessions-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const dir = join(home, '.coi/sessions-some', ID);
  await mkdir(dir, { recursive: true });
  const record = { session_id: ID, container_name: '', workspace, saved_at: '2026-02-03T04:05:06Z' };
  const asCoiWrites = () => writeFile(join(dir, 'metadata.json'), JSON.stringify(record));
  await asCoiWrites();
  return { dir, asCoiWrites, store: new SessionStore({ home, log: silentLog, reader: () => READER }) };
}

test('what coi left in the workspace is the session’s conversation until it is opened here', async t => {
  const { dir, store } = await place(t);
  assert.equal((await store.get(ID)).path, '/home/me/src');
  assert.equal((await store.refresh(ID)).title, 'in /home/me/src at /home/me/src');
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'in the workspace' }]);
  const { record, giveBack } = await store.take(await store.get(ID), { path: '/home/me/src', persistent: false });
  assert.equal(record.pathUnsaid, undefined);
  await writeOwn(dir, 'a copy');
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'of the session' }]);
  await rm(join(dir, SAVED, 'a'));
  await giveBack();
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'in the workspace' }]);
  await writeOwn(dir, 'a copy');
  await store.take(await store.get(ID), { path: '/home/me/src', persistent: false });
  assert.equal((await store.refresh(ID)).title, 'of the session');
});

async function writeOwn(dir: string, id: string): Promise<void> {
  await mkdir(join(dir, SAVED), { recursive: true });
  await writeFile(join(dir, SAVED, 'a'), id);
}

test('a conversation that was held here stays the session’s when coi writes its record anew, and so do name and times', async t => {
  const { dir, asCoiWrites, store } = await place(t);
  await store.take(await store.get(ID), { path: '/src', persistent: false });
  await writeOwn(dir, 'of-here');
  await store.rename(ID, 'My own');
  const before = await store.refresh(ID);
  for (const round of ['once', 'and after we wrote it in between']) {
    await asCoiWrites();
    const { title, titled, path, lastActivityAt, agentSessionId, startedAt } = await store.refresh(ID);
    assert.deepEqual(
      { title, titled, path, lastActivityAt, agentSessionId, startedAt },
      {
        title: 'My own',
        titled: true,
        path: '/src',
        lastActivityAt: DAY(2),
        agentSessionId: 'of-here',
        startedAt: before.startedAt,
      },
      round,
    );
    assert.equal(await store.isInWorkspace(await store.get(ID)), false, round);
    await store.update(ID, { persistent: true });
    assert.equal(await store.isInWorkspace(await store.get(ID)), false, round);
  }
  assert.deepEqual(await store.transcript(ID), [{ role: 'user', text: 'of the session' }]);
  await writeFile(join(dir, 'incus-agents.json'), '{');
  await asCoiWrites();
  assert.equal((await store.get(ID)).title, undefined, 'a damaged file of ours hides nothing of coi’s');
  assert.equal(
    await store.isInWorkspace(await store.get(ID)),
    false,
    'another conversation than the one in the workspace',
  );
});

test('a copy of what is in the workspace is the session’s until coi has gone on with it there', async t => {
  for (const [workspace, isThere] of [
    ['/home/me/old', false],
    ['/home/me/src', true],
  ] as const) {
    const { dir, store } = await place(t, workspace);
    await writeOwn(dir, 'of-coi');
    assert.equal(await store.isInWorkspace(await store.get(ID)), isThere, workspace);
  }
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
  await store.fill(record, SAVED, write('second', true));
  const whole = await held();
  const former = whole.names.find(name => name.startsWith(`${SAVED}.`)) ?? '';
  const both = ['metadata.json', 'state', SAVED, `${SAVED}/a`, former, `${former}/a`, `${former}/b`];
  assert.deepEqual(whole, { names: both.sort(), text: 'second' });
  assert.equal(await readFile(join(dir, former, 'a'), 'utf8'), 'first', 'nothing that an agent left is removed');
  await store.fill(record, SAVED, write('third', false));
  const fails = store.fill(record, SAVED, async to => {
    await write('fourth', true)(to);
    throw new Error('on the way');
  });
  await assert.rejects(fails, /on the way/);
  assert.deepEqual(await held(), whole);
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
