import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { coiName } from '../flows/support.ts';
import { until } from '../support.ts';
import { describeResume } from './resume.ts';
import { type Desk, makeDesk } from './support.ts';
import { openTalk, type Talk } from './talk.ts';

const COI_ID = '0f0e0d0c-1111-4222-8333-444455556668';
const TOKEN = 'token-of-a-login-in-coi';
const SAVED = '.local/share/opencode/db';

describeResume('opencode');

describe('opencode and its database', { skip: process.getuid?.() !== 0 }, () => {
  let desk: Desk;
  let backend: TestBackend;
  let workspace: string;
  let talk: Talk;
  let saved: string;
  before(async () => {
    desk = await makeDesk();
    backend = await desk.backend();
    workspace = await desk.workspace();
    talk = await openTalk(desk, backend, workspace, { agent: 'opencode', prompt: 'hello' });
    await talk.asked('hello');
  });
  after(() => desk.close());

  const sessionDir = (id: string) => join(desk.lab.home, '.coi/sessions-opencode', id);
  const inWorkspace = () => join(workspace, '.local/share/opencode');

  /** Adds a login to the database of that path. */
  function logIn(path: string, table: string): void {
    const db = new DatabaseSync(path);
    try {
      const values: Record<string, string> = {
        account: `(id, email, url, access_token, refresh_token, time_created, time_updated) VALUES ('a', 'b', 'c', '${TOKEN}', '${TOKEN}', 1, 1)`,
        control_account: `(email, url, access_token, refresh_token, active, time_created, time_updated) VALUES ('b', 'c', '${TOKEN}', '${TOKEN}', 1, 1, 1)`,
        credential: `(id, label, value, time_created, time_updated) VALUES ('a', 'b', '"${TOKEN}"', 1, 1)`,
      };
      db.exec(`INSERT INTO ${table} ${values[table]}`);
    } finally {
      db.close();
    }
  }

  /** One turn of opencode as coi runs it, with its data in the workspace. */
  async function turnInCoi(text: string, ...more: string[]): Promise<void> {
    const { exitCode, stderr } = await backend.call('slot/exec', {
      container: talk.container,
      argv: ['opencode', 'run', ...more, text],
      cwd: '/workspace',
      env: {
        XDG_DATA_HOME: '/workspace/.local/share',
        XDG_STATE_HOME: '/workspace/.local/state',
        OPENCODE_DISABLE_MODELS_FETCH: '1',
        OPENCODE_DISABLE_AUTOUPDATE: '1',
      },
    });
    assert.equal(exitCode, 0, stderr);
  }

  it('leaves no token in the session when it logs in to its own service', async () => {
    const copy = desk.lab.adopt(join(desk.lab.directory, 'db'));
    await cp(join(sessionDir(talk.session), SAVED), copy, { recursive: true });
    for (const table of ['account', 'control_account', 'credential'])
      assert.throws(() => logIn(join(copy, 'opencode.db'), table), /a login is not kept/, table);
  });

  it('shows what coi’s opencode said, which lies in the workspace', async () => {
    await turnInCoi('the first turn in coi');
    for (const table of ['account', 'control_account', 'credential']) logIn(join(inWorkspace(), 'opencode.db'), table);
    await turnInCoi('the second turn in coi', '--continue');
    assert.ok((await stat(join(inWorkspace(), 'opencode.db-wal'))).size > 0, 'the newest is in the log');
    await backend.call('slot/kill', { container: talk.container });

    const made = join(desk.lab.home, '.coi/made');
    await mkdir(join(made, '.config/opencode'), { recursive: true });
    const record = { session_id: COI_ID, container_name: coiName(workspace, 1), persistent: false, profile_name: '' };
    saved = JSON.stringify({ ...record, workspace, saved_at: '2026-01-02T03:04:05+01:00' });
    await writeFile(join(made, 'metadata.json'), saved);
    await rename(made, sessionDir(COI_ID));
    const listed = async () => (await backend.call('session/list', {})).sessions.find(s => s.id === COI_ID)?.title;
    await until('a title out of the conversation', async () => (await listed())?.includes('the first turn in coi'));
    const { transcript } = await backend.call('session/show', { id: COI_ID });
    const told = JSON.stringify(transcript);
    assert.match(transcript[0]?.text ?? '', /the first turn in coi/, told);
    assert.equal(transcript[1]?.role, 'assistant', told);
    assert.match(transcript.findLast(({ role }) => role === 'user')?.text ?? '', /the second turn in coi/, told);
    assert.equal(transcript.at(-1)?.role, 'assistant', told);
  });

  it('is not followed through a link in the workspace, and stays coi’s when it cannot be taken over', async () => {
    const outside = desk.lab.adopt(join(desk.lab.directory, 'outside'));
    await cp(inWorkspace(), outside, { recursive: true });
    await cp(inWorkspace(), `${inWorkspace()}.kept`, { recursive: true });
    await rm(inWorkspace(), { recursive: true });
    await symlink(outside, inWorkspace());
    const before = await readFile(join(sessionDir(COI_ID), 'metadata.json'), 'utf8');
    await assert.rejects(desk.lab.open(backend, workspace, { resume: COI_ID }), isReply('invalid', /not a directory/));
    assert.equal(await readFile(join(sessionDir(COI_ID), 'metadata.json'), 'utf8'), before);
    assert.deepEqual((await readdir(sessionDir(COI_ID))).sort(), ['.config', 'incus-agents.json', 'metadata.json']);
    await rm(inWorkspace());
    await cp(`${inWorkspace()}.kept`, inWorkspace(), { recursive: true });
  });

  it('goes on with what coi’s opencode said, without the logins in it', async () => {
    const coi = await readFile(join(inWorkspace(), 'opencode.db'));
    talk = await openTalk(desk, backend, workspace, { resume: COI_ID });
    const request = await talk.turn('the third turn');
    assert.match(request.text, /the first turn in coi/);
    assert.match(request.text, /the second turn in coi/);
    const { transcript } = await backend.call('session/show', { id: COI_ID });
    assert.match(transcript[0]?.text ?? '', /the first turn in coi/);
    assert.equal(transcript.findLast(({ role }) => role === 'user')?.text, 'the third turn');
    const names = await readdir(join(sessionDir(COI_ID), SAVED));
    assert.ok(names.includes('opencode.db'));
    for (const name of names) assert.ok(!(await readFile(join(sessionDir(COI_ID), SAVED, name))).includes(TOKEN), name);
    assert.ok((await readFile(join(inWorkspace(), 'opencode.db'))).equals(coi), 'coi has what it had');
    const { path } = JSON.parse(await readFile(join(sessionDir(COI_ID), 'metadata.json'), 'utf8'));
    assert.equal(path, '/workspace', 'now it is a session like any other');
  });

  it('goes on with what was said here, also when coi has written the record anew since', async () => {
    await backend.call('slot/kill', { container: talk.container });
    await writeFile(join(sessionDir(COI_ID), 'metadata.json'), saved);
    talk = await openTalk(desk, backend, workspace, { resume: COI_ID });
    assert.match((await talk.turn('the fourth turn')).text, /the third turn/);
  });
});
