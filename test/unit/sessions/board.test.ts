import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentNamed } from '../../../server/agents/registry.ts';
import { Attention } from '../../../server/attention/attention.ts';
import { silentLog } from '../../../server/base/log.ts';
import { SessionBoard } from '../../../server/flows/sessions/board.ts';
import { SessionStore } from '../../../server/sessions/store.ts';
import type { SessionRecord } from '../../../server/sessions/types.ts';
import { identify } from '../../../server/slots/keys.ts';
import { SlotBoard } from '../../../server/state/board.ts';
import { StateStore } from '../../../server/state/store.ts';

/** A store whose answers can be held back after the files were read. */
class SlowStore extends SessionStore {
  gate: Promise<void> = Promise.resolve();
  listed = () => {};

  override async list(): Promise<SessionRecord[]> {
    const records = await super.list();
    this.listed();
    await this.gate;
    return records;
  }

  override async get(id: string): Promise<SessionRecord> {
    const { gate } = this;
    const record = await super.get(id);
    await gate;
    return record;
  }
}

async function place(t: TestContext) {
  const home = await mkdtemp(join(tmpdir(), 'ia-board-'));
  const sessions = new SlowStore({ home, log: silentLog, reader: name => agentNamed(name) });
  const store = new StateStore();
  const parts = { sessions, attention: new Attention(silentLog), store, log: silentLog };
  const board = new SessionBoard({ ...parts, board: new SlotBoard(store, identify) });
  t.after(() => {
    board.close();
    return rm(home, { recursive: true, force: true });
  });
  const title = (id: string) => store.snapshot().sessions.find(session => session.id === id)?.title;
  const shows = async (id: string, wanted: string) => {
    const limit = Date.now() + 3000;
    while (title(id) !== wanted) {
      assert.ok(Date.now() < limit, `it is ${title(id)} instead of ${wanted}`);
      await sleep(5);
    }
  };
  const { id } = await sessions.create({ agent: 'claude', workspace: '/w', path: '/workspace', persistent: false });
  await sessions.rename(id, 'first');
  await shows(id, 'first');
  return { home, sessions, board, title, shows, id };
}

test('a list that was begun before a change does not undo it', async t => {
  const { sessions, board, title, shows, id } = await place(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  sessions.gate = promise;
  const read = new Promise<void>(done => {
    sessions.listed = done;
  });
  const listed = board.list();
  await read;
  sessions.gate = Promise.resolve();
  await sessions.rename(id, 'second');
  await shows(id, 'second');
  resolve();
  await listed;
  assert.equal(title(id), 'second');
});

test('what another backend writes into a record is shown', async t => {
  const { home, shows, id } = await place(t);
  const other = new SessionStore({ home, log: silentLog, reader: name => agentNamed(name) });
  await other.rename(id, 'of the other');
  await shows(id, 'of the other');
});
