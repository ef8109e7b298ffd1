import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, chown, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { coiName, incusCli } from '../flows/support.ts';
import { until } from '../support.ts';
import { type Desk, makeDesk } from './support.ts';
import { openTalk } from './talk.ts';

const ID = '0f0e0d0c-1111-4222-8333-444455556666';

describe('sessions in coi’s layout', { skip: process.getuid?.() !== 0 }, () => {
  let desk: Desk;
  let backend: TestBackend;
  /** Settled when what the agent wrote has been seen while it worked. */
  const seen = Promise.withResolvers<void>();
  before(async () => {
    desk = await makeDesk('', { slow: seen.promise });
    backend = await desk.backend();
  });
  after(() => desk.close());

  const sessionDir = (id: string) => join(desk.lab.home, '.coi/sessions-claude', id);

  it('are written: what coi looks for is there, the conversation while it goes on', async () => {
    const workspace = await desk.workspace();
    const talk = await openTalk(desk, backend, workspace, { agent: 'claude', prompt: 'written for coi SLOW' });
    const file = join(sessionDir(talk.session), '.claude/projects/-workspace', `${talk.session}.jsonl`);
    const line = () =>
      readFile(file, 'utf8')
        .then(text => text.includes('written for coi'))
        .catch(() => false);
    await until('the model is asked', () => talk.model.with('written for coi')[0], 60_000);
    await until('the prompt is on the host while the agent works on it', line);
    assert.ok(talk.model.with('written for coi').every(request => request.reply === undefined));
    seen.resolve();
    await talk.asked('written for coi');
    const answered = await stat(file);
    const request = await talk.turn('another line');
    assert.ok(request.messages > 1);
    assert.ok((await stat(file)).size > answered.size);

    const meta = JSON.parse(await readFile(join(sessionDir(talk.session), 'metadata.json'), 'utf8'));
    assert.equal(meta.session_id, talk.session);
    assert.equal(meta.container_name, coiName(workspace, 1));
    assert.equal(meta.workspace, workspace);
    assert.equal(meta.persistent, false);
    assert.equal(meta.profile_name, '');
    assert.match(meta.saved_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    const names = await readdir(sessionDir(talk.session), { recursive: true });
    assert.deepEqual(
      names.filter(name => /credential|auth/i.test(name)),
      [],
    );
    await backend.call('slot/kill', { container: talk.container });

    // As coi saves it: its own keys only, and the agent's whole directory, belonging to who ran coi.
    const other = await desk.workspace();
    await mkdir(join(sessionDir(ID), '.claude/projects/-workspace'), { recursive: true });
    await cp(file, join(sessionDir(ID), '.claude/projects/-workspace', `${talk.session}.jsonl`));
    await writeFile(join(sessionDir(ID), '.claude/.credentials.json'), '{"saved":"by coi"}');
    await writeFile(join(sessionDir(ID), '.claude/settings.json'), '{}');
    const saved = {
      session_id: ID,
      container_name: coiName(other, 1),
      persistent: false,
      profile_name: '',
      workspace: other,
    };
    const record = JSON.stringify({ ...saved, saved_at: '2026-01-02T03:04:05+01:00' });
    await writeFile(join(sessionDir(ID), 'metadata.json'), record);
  });

  it('are listed and resumed as coi wrote them, without the login in them', async () => {
    const listed = async () => (await backend.call('session/list', {})).sessions.find(s => s.id === ID);
    const session = await until('a title out of the conversation', async () => {
      const found = await listed();
      return found?.title !== undefined && found;
    });
    assert.equal(session.title, 'written for coi SLOW');
    assert.deepEqual(
      { agent: session.agent, path: session.path, live: session.live, savedAt: session.savedAt },
      { agent: 'claude', path: '/workspace', live: false, savedAt: '2026-01-02T02:04:05.000Z' },
    );
    const talk = await openTalk(desk, backend, session.workspace, { resume: ID });
    assert.equal(talk.slot, 1);
    const request = await talk.turn('after coi');
    assert.match(request.text, /written for coi/);
    assert.match(request.text, /another line/);
    const names = await readdir(join(sessionDir(ID), '.claude/projects/-workspace'));
    assert.equal(names.filter(name => name.endsWith('.jsonl')).length, 1, 'coi resumes the first one it finds');
    const record = JSON.parse(await readFile(join(sessionDir(ID), 'metadata.json'), 'utf8'));
    for (const key of ['session_id', 'container_name', 'persistent', 'profile_name', 'workspace', 'saved_at'])
      assert.ok(key in record, key);
    const login = await backend.call('slot/exec', {
      container: talk.container,
      argv: ['cat', '/home/code/.claude/.credentials.json'],
    });
    assert.notEqual(login.exitCode, 0);
    assert.equal(await readFile(join(sessionDir(ID), '.claude/.credentials.json'), 'utf8'), '{"saved":"by coi"}');
    await backend.call('slot/kill', { container: talk.container });
  });

  it('of a container that coi made go on in it: what was said is taken out of it first', async () => {
    const workspace = await desk.workspace();
    const name = coiName(workspace, 1);
    const id = '0f0e0d0c-1111-4222-8333-444455557777';
    await incusCli('init', '-q', desk.lab.image, name, '-c', 'raw.idmap=uid 1000 1000\ngid 1000 1000');
    await incusCli('config', 'device', 'add', name, 'workspace', 'disk', `source=${workspace}`, 'path=/workspace');
    const saved = join(sessionDir(ID), '.claude/projects/-workspace');
    const [file = ''] = (await readdir(saved)).filter(entry => entry.endsWith('.jsonl'));
    const inside = `${name}/home/code/.claude/projects/-workspace/${file}`;
    await incusCli('file', 'push', '-q', '-p', '--uid=1000', '--gid=1000', join(saved, file), inside);
    const record = { session_id: id, container_name: name, persistent: true, profile_name: '', workspace };
    await mkdir(sessionDir(id));
    const text = JSON.stringify({ ...record, saved_at: new Date().toISOString() });
    await writeFile(join(sessionDir(id), 'metadata.json'), text);
    await backend.when(name, s => s?.session === id);
    const talk = await openTalk(desk, backend, workspace, { resume: id });
    assert.equal(talk.container, name);
    assert.match((await talk.turn('taken over')).text, /written for coi/);
    const { agent, persistent, session } = await talk.state('idle');
    assert.deepEqual({ agent, persistent, session }, { agent: 'claude', persistent: true, session: id });
    assert.ok((await readdir(join(sessionDir(id), '.claude/projects/-workspace'))).includes(file));
    await backend.call('slot/kill', { container: name });
  });

  it('go on under the path that they were made with, also when the setting has changed', async () => {
    const workspace = await desk.workspace();
    await chmod(desk.lab.directory, 0o755);
    const keeping = await desk.backend({ settings: { preserveWorkspacePath: true } });
    const first = await openTalk(desk, keeping, workspace, { agent: 'claude', prompt: 'at its own path' });
    await first.asked('at its own path');
    const { session } = await keeping.call('session/show', { id: first.session });
    assert.equal(session.path, workspace);
    await keeping.call('slot/kill', { container: first.container });
    const again = await openTalk(desk, backend, workspace, { resume: first.session });
    const request = await again.turn('still there');
    assert.match(request.text, /at its own path/);
    const slot = await again.state('idle');
    assert.ok(slot.mounts.some(mount => mount.source === workspace && mount.path === workspace));
    await backend.call('slot/kill', { container: again.container });
    await chown(workspace, 1000, 1000);

    // As coi keeps it: without a word on the path, which only the conversation's place tells.
    const file = join(sessionDir(first.session), 'metadata.json');
    const { path: _, ...saved } = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify(saved));
    const third = await openTalk(desk, backend, workspace, { resume: 'latest' });
    assert.equal(third.session, first.session);
    assert.match((await third.turn('and after coi')).text, /at its own path/);
    await backend.call('slot/kill', { container: third.container });
  });

  it('of a git worktree that is opened through a link go on at its real path', async () => {
    const repository = join(desk.lab.directory, 'repository');
    const real = desk.lab.adopt(join(desk.lab.directory, 'tree'));
    const git = (...words: string[]) => execFileSync('git', words, { stdio: 'pipe' });
    git('init', '-q', repository);
    const commit = ['-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-q', '--allow-empty', '-m', 'first'];
    git('-C', repository, ...commit);
    git('-C', repository, 'worktree', 'add', '-q', real);
    execFileSync('chown', ['-R', '1000:1000', repository, real]);
    const link = desk.lab.adopt(join(desk.lab.directory, 'link'));
    await symlink(real, link);
    const first = await openTalk(desk, backend, link, { agent: 'claude', prompt: 'in a worktree' });
    await first.asked('in a worktree');
    assert.equal((await backend.call('session/show', { id: first.session })).session.path, real);
    await backend.call('slot/kill', { container: first.container });
    const again = await openTalk(desk, backend, link, { resume: first.session });
    assert.match((await again.turn('still in it')).text, /in a worktree/);
    await backend.call('slot/kill', { container: again.container });

    // Where the link has come to lead to a folder that is no worktree, the conversation would not be found.
    await rm(link);
    await symlink(await desk.lab.workspace(), link);
    await assert.rejects(
      desk.lab.open(backend, link, { resume: first.session }),
      isReply('conflict', /was held at .*tree/),
    );
  });
});
