import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { utimesSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { opencode } from '../../../server/agents/opencode.ts';
import { opencodeInWorkspace } from '../../../server/agents/opencode-workspace.ts';
import { resumeOf } from '../../../server/agents/resume.ts';
import { Failure } from '../../../server/base/errors.ts';

interface Ending {
  after(fn: () => Promise<void> | void): void;
}

const DATA = '.local/share/opencode';
const inWorkspace = opencodeInWorkspace('db');
const isFailure = (kind: string, text: RegExp) => (error: unknown) =>
  error instanceof Failure && error.kind === kind && text.test(error.message);

async function folder(t: Ending): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ia-opencode-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A workspace with a database of opencode's, as far as its tables matter here. */
class Stored {
  readonly workspace: string;
  readonly db: DatabaseSync;
  #parts = 0;

  private constructor(workspace: string, db: DatabaseSync) {
    this.workspace = workspace;
    this.db = db;
  }

  static async make(t: Ending): Promise<Stored> {
    const workspace = await folder(t);
    await mkdir(join(workspace, DATA), { recursive: true });
    const db = new DatabaseSync(join(workspace, DATA, 'opencode.db'));
    t.after(() => {
      if (db.isOpen) db.close();
    });
    db.exec(`PRAGMA journal_mode = WAL;
      CREATE TABLE session (id text PRIMARY KEY, parent_id text, directory text NOT NULL, time_updated integer, time_archived integer);
      CREATE TABLE message (id text PRIMARY KEY, session_id text, time_created integer, data text);
      CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, data text);
      CREATE TABLE account (id text PRIMARY KEY, access_token text);
      INSERT INTO account VALUES ('a', 'the-token');`);
    return new Stored(workspace, db);
  }

  session(id: string, directory: string, updated: number, more: { parent?: string; archived?: number } = {}): this {
    const { parent = null, archived = null } = more;
    this.db.prepare('INSERT INTO session VALUES (?, ?, ?, ?, ?)').run(id, parent, directory, updated, archived);
    return this;
  }

  message(session: string, role: string, part: object): this {
    const id = ++this.#parts;
    const data = JSON.stringify({ role, summary: { diffs: 'x'.repeat(9000) } });
    this.db.prepare('INSERT INTO message VALUES (?, ?, ?, ?)').run(`msg_${id}`, session, 1_700_000_000_000 + id, data);
    this.db
      .prepare('INSERT INTO part VALUES (?, ?, ?, ?)')
      .run(`prt_${id}`, `msg_${id}`, session, JSON.stringify(part));
    return this;
  }
}

const said = (text: string) => ({ type: 'text', text });

test('opencode in a workspace: the newest conversation of the path, in which something was said', async t => {
  const stored = await Stored.make(t);
  const { workspace } = stored;
  assert.equal(await inWorkspace.find(workspace, '/workspace'), undefined);
  stored
    .session('ses_a', '/workspace', 1)
    .message('ses_a', 'user', said('older'))
    .session('ses_b', '/workspace', 1_700_000_000_000)
    .message('ses_b', 'user', { type: 'text', text: 'of the program', synthetic: true })
    .message('ses_b', 'user', said('the question'))
    .message('ses_b', 'assistant', { type: 'tool', output: 'y'.repeat(100_000) })
    .message('ses_b', 'assistant', said(`the answer${' and more'.repeat(5000)}`))
    .session('ses_elsewhere', '/workspace/sub', 1_900_000_000_000)
    .message('ses_elsewhere', 'user', said('elsewhere'))
    .session('ses_helper', '/workspace', 1_900_000_000_000, { parent: 'ses_b' })
    .message('ses_helper', 'user', said('of a helper'))
    .session('ses_archived', '/workspace', 1_900_000_000_000, { archived: 1 })
    .message('ses_archived', 'user', said('put away'))
    .session('ses_silent', '/workspace', 1_900_000_000_000)
    .session('../x', '/workspace', 1_900_000_000_000)
    .message('../x', 'user', said('no id'));
  assert.deepEqual(await inWorkspace.find(workspace, '/workspace'), {
    agentSessionId: 'ses_b',
    title: 'the question',
    lastActivityAt: '2023-11-14T22:13:20.000Z',
  });
  const transcript = await inWorkspace.transcript(workspace, '/workspace');
  assert.deepEqual(
    transcript.map(({ role, text }) => [role, text.slice(0, 12)]),
    [
      ['user', 'the question'],
      ['assistant', 'the answer a'],
    ],
  );
  assert.equal(transcript[1]?.text.length, 10 + 9 * 5000);
  assert.equal(await inWorkspace.pathOf(workspace, ['/workspace', '/workspace/sub']), '/workspace/sub');
  assert.equal(await inWorkspace.pathOf(workspace, ['/home/me/src']), undefined);
  assert.deepEqual(await inWorkspace.transcript(workspace, '/elsewhere'), []);
});

test('opencode in a workspace: the copy is what opencode needs to go on, and has no login', async t => {
  const stored = await Stored.make(t);
  const { workspace } = stored;
  await writeFile(join(workspace, DATA, 'auth.json'), '{"key":"the-token"}');
  const session = await folder(t);
  const to = join(session, opencode.stateDirs[0]?.saved ?? '');
  await mkdir(to, { recursive: true });
  assert.equal(await inWorkspace.copy(workspace, '/workspace', to), false);
  assert.deepEqual(await readdir(to), []);
  stored.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  stored.session('ses_b', '/workspace', 1).message('ses_b', 'user', said('only in the log'));
  assert.equal(await inWorkspace.copy(workspace, '/workspace', to), true);
  assert.deepEqual((await readdir(to)).sort(), ['opencode.db', 'transcript.jsonl']);
  for (const name of await readdir(to)) assert.ok(!(await readFile(join(to, name))).includes('the-token'), name);
  const copy = new DatabaseSync(join(to, 'opencode.db'));
  assert.equal(copy.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
  assert.match(String(copy.prepare('SELECT data FROM part').get()?.data), /only in the log/);
  copy.close();
  assert.deepEqual(await resumeOf(opencode, session, '/workspace'), { agentSessionId: 'ses_b' });
  assert.equal((await opencode.findConversation(session))?.title, 'only in the log');

  const pictures = await Stored.make(t);
  pictures.session('ses_p', '/workspace', 1).message('ses_p', 'user', { type: 'file' });
  await inWorkspace.copy(pictures.workspace, '/workspace', to);
  assert.deepEqual(await resumeOf(opencode, session, '/workspace'), { agentSessionId: 'ses_p' });
});

test('opencode in a workspace: no link is followed, no FIFO waited for, and nothing that is damaged is copied', {
  timeout: 20_000,
}, async t => {
  const stored = await Stored.make(t);
  stored.session('ses_b', '/workspace', 1).message('ses_b', 'user', said('of the host'));
  const { workspace: outside } = stored;
  const refused = async (workspace: string, why: RegExp) => {
    assert.equal(await inWorkspace.find(workspace, '/workspace'), undefined);
    assert.deepEqual(await inWorkspace.transcript(workspace, '/workspace'), []);
    const to = await folder(t);
    await assert.rejects(inWorkspace.copy(workspace, '/workspace', to), isFailure('invalid', why));
  };
  const linked = async (path: string, target: string) => {
    const workspace = await folder(t);
    await mkdir(join(workspace, path, '..'), { recursive: true });
    await symlink(join(outside, target), join(workspace, path));
    return workspace;
  };
  await refused(await linked('.local', '.local'), /\.local is not a directory/);
  await refused(await linked(DATA, DATA), /opencode is not a directory/);
  await refused(await linked(`${DATA}/opencode.db`, `${DATA}/opencode.db`), /opencode\.db is not a regular file/);

  const own = await Stored.make(t);
  own.session('ses_b', '/workspace', 1).message('ses_b', 'user', said('own'));
  own.db.close();
  const path = join(own.workspace, DATA, 'opencode.db');
  await symlink(join(outside, DATA, 'opencode.db-wal'), `${path}-wal`);
  const to = await folder(t);
  const copy = inWorkspace.copy(own.workspace, '/workspace', to);
  await assert.rejects(copy, isFailure('invalid', /opencode\.db-wal is not a regular file/));
  await rm(`${path}-wal`);
  execFileSync('mkfifo', [`${path}-wal`]);
  await refused(own.workspace, /opencode\.db-wal is not a regular file/);
  await rm(`${path}-wal`);
  const good = await readFile(path);
  await rename(path, `${path}.kept`);
  execFileSync('mkfifo', [path]);
  await refused(own.workspace, /opencode\.db is not a regular file/);
  await rm(path);
  await writeFile(path, good.subarray(0, good.length - 5000));
  await refused(own.workspace, /cannot be taken over: /);
  await writeFile(path, good);
  good.writeUInt32BE(0, 28);
  await writeFile(path, good);
  await truncate(path, 3 * 1024 ** 3);
  await refused(own.workspace, /cannot be taken over: it has \d+ pages/);
});

test('opencode in a workspace: what is being written is not copied half', async t => {
  const stored = await Stored.make(t);
  stored.session('ses_b', '/workspace', 1).message('ses_b', 'user', said('x'.repeat(300_000)));
  const path = join(stored.workspace, DATA, 'opencode.db');
  let ended = false;
  const write = () => {
    if (ended) return;
    utimesSync(path, Date.now() / 1000, Date.now() / 1000);
    setImmediate(write);
  };
  write();
  const to = await folder(t);
  const copy = inWorkspace.copy(stored.workspace, '/workspace', to);
  await assert.rejects(copy, isFailure('conflict', /while opencode writes there/));
  ended = true;
  assert.equal(await inWorkspace.copy(stored.workspace, '/workspace', to), true);
});
