import assert from 'node:assert/strict';
import { watch as realWatch } from 'node:fs';
import {
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentNamed } from '../../../server/agents/registry.ts';
import { mountedDirs, SIGNALS } from '../../../server/agents/signal.ts';
import { Failure } from '../../../server/base/errors.ts';
import { silentLog } from '../../../server/base/log.ts';
import { SessionStore } from '../../../server/sessions/store.ts';
import type { ConversationReader } from '../../../server/sessions/types.ts';
import { SessionWatch } from '../../../server/sessions/watch.ts';

const ID = '0a0a0a0a-1111-4111-8111-111111111111';
const ROOT = process.getuid?.() === 0;
const OWNER = ROOT ? { uid: 1234, gid: 1235 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

interface Ending {
  after(fn: () => Promise<void> | void): void;
}

async function place(t: Ending): Promise<{ home: string; store: SessionStore; warned: string[] }> {
  const home = await mkdtemp(join(tmpdir(), 'ia-sessions-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const warned: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  return { home, store: new SessionStore({ home, log, reader: name => agentNamed(name) }), warned };
}

/** A session as coi saves it. */
async function coiSession(home: string, metadata: object | string, id = ID): Promise<string> {
  const dir = join(home, '.coi/sessions-claude', id);
  await mkdir(join(dir, '.claude/projects/-workspace'), { recursive: true });
  const line = { type: 'user', message: { content: 'said to coi' } };
  await writeFile(join(dir, '.claude/projects/-workspace', `${ID}.jsonl`), `${JSON.stringify(line)}\n`);
  await writeFile(join(dir, '.claude/.credentials.json'), '{"secret":1}');
  await writeFile(join(dir, 'metadata.json'), typeof metadata === 'string' ? metadata : JSON.stringify(metadata));
  return dir;
}

const COI = {
  session_id: ID,
  container_name: 'coi-0123abcd-2',
  persistent: true,
  profile_name: 'big',
  workspace: '/home/me/project',
  saved_at: '2026-02-03T04:05:06+01:00',
  from_the_future: { kept: true },
};

const isFailure = (kind: string) => (error: unknown) => error instanceof Failure && error.kind === kind;

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

/** Puts a conversation of claude into a session. */
async function said(home: string, id: string, seconds: number, slug = '-workspace'): Promise<void> {
  const dir = join(home, '.coi/sessions-claude', id, '.claude/projects', slug);
  await mkdir(dir, { recursive: true });
  const path = join(dir, `${id}.jsonl`);
  await writeFile(path, `${JSON.stringify({ type: 'user', message: { content: `said in ${id}` } })}\n`);
  await utimes(path, seconds, seconds);
}

test('the latest is the one in which something was said last, whatever became of its record since', async t => {
  const { home, store } = await place(t);
  const base = { workspace: '/w', path: '/workspace', persistent: false };
  const make = async (agent: string) => (await store.create({ ...base, agent })).id;
  const latest = async () => (await store.latest('/w'))?.id;
  const shell = await make('shell');
  assert.equal(await latest(), shell, 'where there is nothing else');
  const empty = await make('claude');
  await make('shell');
  assert.equal(await latest(), empty);
  const [older, newer] = [await make('claude'), await make('claude')];
  await said(home, older, 1_600_000_000);
  assert.equal(await latest(), older);
  await said(home, newer, 1_700_000_000);
  await make('claude');
  assert.equal(await latest(), newer);
  const { savedAt } = await store.get(older);
  await store.rename(older, 'a name');
  await store.update(older, { persistent: true });
  assert.equal((await store.get(older)).savedAt, savedAt);
  assert.equal(await latest(), newer);
  const listed = (await store.list({ workspace: '/w' })).map(s => s.id);
  assert.deepEqual(listed.slice(-2), [newer, older]);
  await said(home, older, 1_750_000_000);
  assert.equal(await latest(), older, 'as the files are, not as the record was');
});

test('a file with an odd time, or that cannot be read, hides no other session and is not the latest for ever', async t => {
  const { home, store, warned } = await place(t);
  const make = async () =>
    (await store.create({ workspace: '/w', path: '/workspace', persistent: false, agent: 'claude' })).id;
  const [odd, unreadable, usual] = [await make(), await make(), await make()];
  await said(home, usual, 1_700_000_000);
  // The largest time that ext4 has.
  await said(home, odd, 15_032_385_535);
  await store.refresh(odd);
  await said(home, usual, 1_750_000_000);
  await store.update(odd, { savedAt: '2020-01-01T00:00:00.000Z' });
  const real = { ...agentNamed('claude') };
  const reader: ConversationReader = {
    ...real,
    findConversation: (dir, path) => {
      if (dir.endsWith(unreadable)) throw new RangeError('Invalid time value');
      return real.findConversation(dir, path);
    },
  };
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  const other = new SessionStore({ home, log, reader: () => reader });
  assert.equal((await other.latest('/w'))?.id, usual);
  assert.match(warned.join('\n'), new RegExp(`${unreadable} could not be read: Invalid time value`));
  assert.equal((await store.refresh(odd)).lastActivityAt, undefined);
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

test('an open that fails gives the session back as it was, unless another one took it', async t => {
  const { home, store } = await place(t);
  await coiSession(home, COI);
  const file = join(home, '.coi/sessions-claude', ID, 'metadata.json');
  const before = JSON.parse(await readFile(file, 'utf8'));
  const there = { path: '/elsewhere', container: 'coi-0123abcd-9', slot: 9, persistent: false };
  const first = await store.take(await store.get(ID), there);
  assert.deepEqual([first.record.slot, (await store.get(ID)).path], [9, '/elsewhere']);
  assert.equal(first.record.profile, 'big');
  await store.update(ID, { title: 'meanwhile' });
  await first.giveBack();
  const after = JSON.parse(await readFile(file, 'utf8'));
  assert.equal(Date.parse(after.saved_at), Date.parse(before.saved_at));
  assert.deepEqual({ ...after, saved_at: '' }, { ...before, saved_at: '', ...withDefaults(after), title: 'meanwhile' });
  assert.equal('path' in after, false);

  const lost = await store.take(await store.get(ID), there);
  await sleep(2);
  await store.take(await store.get(ID), { ...there, slot: 3, container: 'coi-0123abcd-3' });
  await lost.giveBack();
  assert.equal((await store.get(ID)).slot, 3);
});

test('a session that somebody opened elsewhere since it was read is not opened a second time', async t => {
  const { home, store } = await place(t);
  await coiSession(home, COI);
  const seen = await store.get(ID);
  const at = (slot: number) => ({ path: '/w', container: `coi-0123abcd-${slot}`, slot, persistent: false });
  const other = new SessionStore({ home, log: silentLog, reader: name => agentNamed(name) });
  await other.take(seen, at(3));
  const failure = (error: unknown) => isFailure('conflict')(error) && /opened .* in coi-0123abcd-3/.test(String(error));
  await assert.rejects(store.take(seen, at(4)), failure);
  assert.equal((await store.get(ID)).slot, 3);
  // Of one container Incus gives one of them the right to start it.
  await store.take(seen, at(3));
});

/** What of a record is written although coi did not. */
function withDefaults({ agent, slot, started_at }: Record<string, unknown>): object {
  return { agent, slot, started_at };
}

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

test('directories become mounts: owned by the workspace’s owner, below directories that are the backend’s own', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const record = await store.get(ID);
  const mounts = await store.prepare(record, mountedDirs(agentNamed('claude')), OWNER, '/home/code');
  assert.deepEqual(mounts, [
    { device: 'session-0', source: join(dir, '.claude/projects'), path: '/home/code/.claude/projects' },
    { device: 'session-1', source: join(dir, '.claude/sessions'), path: '/home/code/.claude/sessions' },
    { device: 'session-2', source: join(dir, '.claude/file-history'), path: '/home/code/.claude/file-history' },
    { device: 'session-3', source: join(dir, '.claude/tasks'), path: '/home/code/.claude/tasks' },
    { device: 'session-4', source: join(dir, '.claude/plans'), path: '/home/code/.claude/plans' },
    { device: 'session-5', source: join(dir, 'signals'), path: '/home/code/.incus-agents/signals' },
  ]);
  const conversation = join(dir, '.claude/projects/-workspace', `${ID}.jsonl`);
  for (const path of [...mounts.map(mount => mount.source), conversation]) {
    const { uid, gid } = await lstat(path);
    assert.deepEqual({ uid, gid }, OWNER, path);
  }
  assert.equal((await lstat(join(dir, '.claude'))).uid, process.getuid?.());
  assert.equal((await lstat(join(dir, '.claude/.credentials.json'))).uid, process.getuid?.());
});

test('what tells about running processes is emptied before a start; the conversation is not', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const record = await store.get(ID);
  const dirs = mountedDirs(agentNamed('claude'));
  await store.prepare(record, dirs, OWNER, '/home/code');
  await writeFile(join(dir, '.claude/sessions/77.json'), '{"status":"busy"}');
  await writeFile(join(dir, 'signals/events'), 'working 1 \n');
  await symlink('/etc/passwd', join(dir, 'signals/link'));
  await store.prepare(record, dirs, OWNER, '/home/code');
  assert.deepEqual(await readdir(join(dir, '.claude/sessions')), []);
  assert.deepEqual(await readdir(join(dir, 'signals')), []);
  assert.deepEqual(await readdir(join(dir, '.claude/projects/-workspace')), [`${ID}.jsonl`]);
});

test('a symlink in place of a directory is not mounted, and nothing beyond it is changed', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const victim = join(home, 'victim');
  await mkdir(victim);
  await writeFile(join(victim, 'file'), 'x');
  await rm(join(dir, '.claude'), { recursive: true });
  await symlink(victim, join(dir, '.claude'));
  const record = await store.get(ID);
  await assert.rejects(store.prepare(record, mountedDirs(agentNamed('claude')), OWNER, '/h'), isFailure('invalid'));
  await rm(join(dir, '.claude'));
  await mkdir(join(dir, '.claude/projects'), { recursive: true });
  await symlink(victim, join(dir, '.claude/projects/sub'));
  await symlink(victim, join(dir, 'signals'));
  await assert.rejects(store.prepare(record, [SIGNALS], OWNER, '/h'), isFailure('invalid'));
  await store.prepare(record, [{ saved: '.claude/projects', home: '.claude/projects' }], OWNER, '/h');
  assert.equal((await stat(victim)).uid, process.getuid?.());
  assert.deepEqual(await readdir(victim), ['file']);
});

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

test('a session goes with its container only when nothing was said in it, and it was not opened since', async t => {
  const { home, store } = await place(t);
  const make = (agent: string) => store.create({ agent, workspace: '/w', path: '/workspace', persistent: false });
  const goes = async ({ id, savedAt }: { id: string; savedAt: string }) => store.removeEmpty(id, savedAt);
  assert.equal(await goes(await make('shell')), true);
  const empty = await make('claude');
  await store.prepare(empty, mountedDirs(agentNamed('claude')), OWNER, '/h');
  const plan = join(home, '.coi/sessions-claude', empty.id, '.claude/plans/plan.md');
  await writeFile(plan, 'x'.repeat(99_999));
  assert.equal(await goes({ ...empty, savedAt: '2026-01-01T00:00:00.000Z' }), false);
  assert.equal(await goes(empty), true);
  await assert.rejects(store.get(empty.id), isFailure('not-found'));
  for (const agent of ['shell', 'claude']) {
    const { id } = await make(agent);
    assert.equal(await goes(await store.rename(id, 'mine')), false, `${agent} with a name of the user's`);
  }
  const full = await make('claude');
  await said(home, full.id, 1_700_000_000);
  assert.equal(await goes(full), false);
  // What keeps a database, which is not read here, may have more in it than it told of; others keep theirs to themselves.
  const opencode = await make('opencode');
  await mkdir(join(home, '.coi/sessions-opencode', opencode.id, '.local/share/opencode/db'), { recursive: true });
  await writeFile(
    join(home, '.coi/sessions-opencode', opencode.id, '.local/share/opencode/db/opencode.db'),
    'x'.repeat(99_999),
  );
  assert.equal(await goes(opencode), false);
});

test('a session stays where something may have been said that nobody here understands, or was said before', async t => {
  const { home, store } = await place(t);
  const base = { workspace: '/w', path: '/workspace', persistent: false };
  const kept = async (agent: string, file: string, ...lines: (object | string)[]) => {
    const { id, savedAt } = await store.create({ ...base, agent });
    const path = join(home, `.coi/sessions-${agent}`, id, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
    return !(await store.removeEmpty(id, savedAt));
  };
  const claude = `.claude/projects/-workspace/${ID}.jsonl`;
  const codex = `.codex/sessions/2026/01/02/rollout-2026-01-02T00-00-00-${ID}.jsonl`;
  const gemini = '.gemini/tmp/workspace/chats/session-1.jsonl';
  assert.equal(await kept('claude', claude, { type: 'summary' }, { format: 'of the future' }), true);
  assert.equal(await kept('codex', codex, { type: 'session_meta' }, { type: 'message.v9', body: 'said' }), true);
  assert.equal(await kept('claude', claude, '{"type":"user","message":{"cont'), true);
  assert.equal(await kept('claude', claude, { type: 'file-history-snapshot' }, { type: 'mode' }, ''), false);
  assert.equal(await kept('codex', codex, { type: 'session_meta' }, { type: 'turn_context' }), false);
  assert.equal(await kept('gemini', gemini, { sessionId: ID }, { $set: { messages: [] } }), false);
  assert.equal(await kept('gemini', '.gemini/tmp/workspace/logs.json', '[]'), false);
  for (const change of [{ lastActivityAt: '2026-01-02T03:04:05.000Z' }, { agentSessionId: ID }]) {
    const { id, savedAt } = await store.create({ ...base, agent: 'claude' });
    await store.update(id, change);
    assert.equal(await store.removeEmpty(id, savedAt), false);
  }
});

test('deleting a session removes it and follows no symlink', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const victim = join(home, 'victim');
  await mkdir(victim);
  await writeFile(join(victim, 'file'), 'x');
  await symlink(victim, join(dir, '.claude/projects/link'));
  const changed: string[] = [];
  store.onChange(id => changed.push(id));
  await store.remove(ID);
  await assert.rejects(lstat(dir));
  assert.deepEqual(await readdir(victim), ['file']);
  assert.deepEqual(changed, [ID]);
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

test('sessions that another program makes or removes are told, also of an agent that had none', async t => {
  const { home, store } = await place(t);
  let told = 0;
  const changed: string[] = [];
  const watch = new SessionWatch(store.root, silentLog, { listed: () => told++, changed: id => changed.push(id) });
  t.after(() => watch.close());
  await watch.ready;
  const toldAfter = async (what: string, work: () => Promise<unknown>) => {
    const before = told;
    await work();
    const limit = Date.now() + 3000;
    while (told === before) {
      assert.ok(Date.now() < limit, what);
      await sleep(10);
    }
    await sleep(250);
  };
  await toldAfter('a new agent', () => coiSession(home, COI));
  await toldAfter('a second session', () => coiSession(home, COI, 'second'));
  changed.length = 0;
  await writeFile(join(home, '.coi/sessions-claude/second/metadata.json'), JSON.stringify(COI));
  await writeFile(join(home, '.coi/sessions-claude/second/other'), '');
  const limit = Date.now() + 3000;
  while (changed.length === 0) {
    assert.ok(Date.now() < limit, 'a record that is written anew');
    await sleep(10);
  }
  assert.deepEqual(changed, ['second']);
  await toldAfter('a removal', () => rm(join(home, '.coi/sessions-claude/second'), { recursive: true }));
});

test('where the kernel gives no more watches, it is said once, and the sessions are looked at again when asked', async t => {
  const { home, store, warned } = await place(t);
  await coiSession(home, COI);
  await coiSession(home, COI, 'second');
  let full = true;
  let told = 0;
  const begin = ((...given: Parameters<typeof realWatch>) => {
    if (full) throw Object.assign(new Error('System limit for number of file watchers reached'), { code: 'ENOSPC' });
    return realWatch(...given);
  }) as typeof realWatch;
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  const watch = new SessionWatch(store.root, log, { listed: () => told++, changed: () => undefined }, begin);
  t.after(() => watch.close());
  await watch.ready;
  assert.equal(warned.length, 1);
  assert.match(warned[0] ?? '', /limit for number of file watchers/);
  await watch.lookAgain();
  await watch.lookAgain();
  assert.deepEqual([told, warned.length], [2, 1]);
  full = false;
  await watch.lookAgain();
  await watch.lookAgain();
  assert.equal(told, 3, 'what is watched as a whole needs no more looks');
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

test('files with a second name are not given away', { skip: !ROOT }, async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const { link } = await import('node:fs/promises');
  await writeFile(join(home, 'precious'), 'x');
  await link(join(home, 'precious'), join(dir, '.claude/projects/hard'));
  await chown(join(dir, '.claude/projects'), 0, 0);
  await store.prepare(await store.get(ID), mountedDirs(agentNamed('claude')), OWNER, '/h');
  assert.equal((await stat(join(home, 'precious'))).uid, 0);
});
