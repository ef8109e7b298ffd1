import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentNamed } from '../../../server/agents/registry.ts';
import { Attention } from '../../../server/attention/attention.ts';
import { silentLog } from '../../../server/base/log.ts';
import { SessionBoard } from '../../../server/flows/sessions/board.ts';
import type { Instance } from '../../../server/incus/types/instance.ts';
import { SessionStore } from '../../../server/sessions/store.ts';
import type { SessionRecord } from '../../../server/sessions/types.ts';
import { identify, slotConfig } from '../../../server/slots/keys.ts';
import { containerName } from '../../../server/slots/names.ts';
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
  t.after(() => rm(home, { recursive: true, force: true }));
  /** What one backend has of the sessions in that home. */
  const backend = () => {
    const sessions = new SlowStore({ home, log: silentLog, reader: name => agentNamed(name) });
    const store = new StateStore();
    const parts = { sessions, attention: new Attention(silentLog), store, log: silentLog };
    const slots = new SlotBoard(store, identify);
    const board = new SessionBoard({ ...parts, board: slots });
    t.after(() => board.close());
    return { sessions, store, slots, board };
  };
  const { sessions, store, slots, board } = backend();
  const title = (id: string) => store.snapshot().sessions.find(session => session.id === id)?.title;
  const shows = async (id: string, wanted: string) => {
    const limit = Date.now() + 20_000;
    while (title(id) !== wanted) {
      assert.ok(Date.now() < limit, `it is ${title(id)} instead of ${wanted}`);
      await sleep(5);
    }
  };
  const make = () => sessions.create({ agent: 'claude', workspace: '/w', path: '/workspace', persistent: false });
  const { id } = await make();
  await sessions.rename(id, 'first');
  await shows(id, 'first');
  return { home, backend, sessions, store, slots, board, title, shows, id, make };
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

/** A container of ours as Incus tells of it. */
function container(session: string, o: { agent?: string; running?: boolean } = {}): Instance {
  const { agent = 'claude', running = false } = o;
  return {
    name: containerName('/w', 1),
    status: running ? 'Running' : 'Stopped',
    statusCode: running ? 103 : 102,
    running,
    frozen: false,
    type: 'container',
    createdAt: '2026-01-01T00:00:00Z',
    config: slotConfig({ workspace: '/w', slot: 1, agent, session, persistent: true }),
    devices: {},
    expandedConfig: {},
    expandedDevices: {},
    profiles: [],
    ephemeral: false,
    stateful: false,
    description: '',
    architecture: '',
    project: '',
    location: '',
  };
}

test('sessions that went on and ended while no backend ran are as their files say, with and without a container', async t => {
  const { home, backend, sessions, store: before, board, id, make } = await place(t);
  const told = async (session: string, day: number) => {
    const dir = join(home, '.coi/sessions-claude', session, '.claude/projects/-workspace');
    await mkdir(dir, { recursive: true });
    const path = join(dir, `${session}.jsonl`);
    await writeFile(path, JSON.stringify({ type: 'user', message: { content: 'said' } }));
    await utimes(path, new Date(2026, 0, day), new Date(2026, 0, day));
  };
  const seen = async (store: StateStore, session: string, day: number) => {
    const limit = Date.now() + 20_000;
    const at = () => store.snapshot().sessions.find(one => one.id === session)?.lastActivityAt;
    while (at() !== new Date(2026, 0, day).toISOString()) {
      assert.ok(Date.now() < limit, `it is of ${at()}`);
      await sleep(5);
    }
  };
  const other = (await make()).id;
  for (const session of [id, other]) {
    await told(session, 1);
    await sessions.refresh(session);
    await sessions.rename(session, 'a name');
    await seen(before, session, 1);
  }
  board.close();
  for (const session of [id, other]) await told(session, 2);
  const next = backend();
  await next.board.list();
  for (const session of [id, other]) await seen(next.store, session, 2);
  next.board.close();
  await told(id, 3);
  const last = backend();
  last.board.see(containerName('/w', 1), container(id));
  const noted = async () => (await last.sessions.get(id)).lastActivityAt === new Date(2026, 0, 3).toISOString();
  for (const limit = Date.now() + 20_000; !(await noted()); await sleep(5)) assert.ok(Date.now() < limit);
});

test('a container whose keys name no session is seen with a reason, and its neighbours are seen', async t => {
  const { board, slots } = await place(t);
  const name = containerName('/w', 1);
  for (const [session, agent] of [
    ['../../etc', 'claude'],
    ['a', '../claude'],
    ['a', 'Claude Code'],
  ] as const) {
    const instance = container(session, { agent, running: true });
    slots.see(name, instance);
    board.see(name, instance);
    assert.match(slots.facts(name).agentState?.why ?? '', /changed by another program/, session);
    assert.equal(slots.facts(name).agentState?.state, 'unknown');
    board.see(name, undefined);
  }
});
