import assert from 'node:assert/strict';
import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { takeMutex } from '../../../server/connections/place.ts';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { coiName, incusCli, incusCliSoon, type Lab, makeLab } from '../flows/support.ts';
import { uniqueName, until } from '../support.ts';

describe('sessions of slots', { skip: process.getuid?.() !== 0 }, () => {
  let lab: Lab;
  let backend: TestBackend;
  const projects: string[] = [];
  before(async () => {
    lab = await makeLab();
    // Nothing is asked of an agent here, so a program that does nothing but be there is quick.
    await lab.write(
      join(lab.home, '.coi/config.toml'),
      '[agents.quiet]\ncommand = ["sleep", "infinity"]\nresume_command = ["sleep", "infinity"]\n' +
        '[agents.calm]\ncommand = ["sleep", "infinity"]\n',
    );
    backend = await lab.backend({ settings: { agent: 'quiet', maxSlots: 3 } });
  });
  after(async () => {
    // What runs there has a hold on the lab's files.
    try {
      for (const project of projects) {
        const names = (await incusCli('list', '--project', project, '-c', 'n', '-f', 'csv'))
          .split('\n')
          .filter(Boolean);
        for (const name of names) await incusCliSoon('delete', '-f', '--project', project, name);
        await incusCliSoon('project', 'delete', project);
      }
    } finally {
      await lab.close();
    }
  });

  const record = (id: string, agent = 'quiet') => join(lab.home, `.coi/sessions-${agent}/${id}/metadata.json`);
  const kill = (container: string) => backend.call('slot/kill', { container });
  const exists = (path: string) =>
    lstat(path).then(
      () => true,
      () => false,
    );

  /** Another project with the images and networks of the usual one; it goes at the end. */
  async function otherProject(): Promise<string> {
    const project = uniqueName('ia-sessions');
    const shared = ['images', 'networks', 'storage.volumes', 'profiles'].flatMap(f => ['-c', `features.${f}=false`]);
    await incusCli('project', 'create', '-q', project, ...shared);
    projects.push(project);
    return project;
  }

  it('take their former slot again when it is free, and another when it is taken', async () => {
    const workspace = await lab.workspace();
    const one = await lab.open(backend, workspace, { slot: 2 });
    await kill(one.container);
    const again = await lab.open(backend, workspace, { resume: one.session });
    assert.deepEqual(again, one);
    await kill(one.container);
    const other = await lab.open(backend, workspace, { slot: 2 });
    const elsewhere = await lab.open(backend, workspace, { resume: one.session });
    assert.equal(elsewhere.session, one.session);
    assert.equal(elsewhere.slot, 1);
    await Promise.all([kill(other.container), kill(elsewhere.container)]);
  });

  it('keep profile, agent and persistence', async () => {
    const workspace = await lab.workspace();
    await lab.write(join(lab.home, '.coi/profiles/special/config.toml'), '[container]\npersistent = true\n');
    const one = await lab.open(backend, workspace, { profile: 'special', agent: 'shell' });
    const { persistent, profile_name } = JSON.parse(await readFile(record(one.session, 'shell'), 'utf8'));
    assert.deepEqual({ persistent, profile_name }, { persistent: true, profile_name: 'special' });
    await backend.call('slot/stop', { container: one.container, timeout: 0 });
    const again = await lab.open(backend, workspace, { resume: one.session });
    assert.deepEqual(again, one, 'a stopped holder is started instead of a new container');
    const slot = await backend.when(one.container, s => s?.status === 'running');
    assert.deepEqual(
      { persistent: slot?.persistent, profile: slot?.profile, agent: slot?.agent },
      { persistent: true, profile: 'special', agent: 'shell' },
    );
    await kill(one.container);
    // Nothing but its record tells it to a container that is made anew.
    const two = await lab.open(backend, workspace, { profile: 'special', agent: 'calm', persistent: false });
    await kill(two.container);
    await backend.when(two.container, s => s === undefined);
    assert.deepEqual(await lab.open(backend, workspace, { resume: two.session }), two);
    const fresh = await backend.when(two.container, s => s?.status === 'running');
    assert.deepEqual(
      { persistent: fresh?.persistent, profile: fresh?.profile, agent: fresh?.agent },
      { persistent: false, profile: 'special', agent: 'calm' },
    );
    await kill(two.container);
    await until('the shell leaves no session', async () => !(await exists(record(one.session, 'shell'))));
  });

  it('that are live are given to everybody who resumes them, and started once', async () => {
    const workspace = await lab.workspace();
    const one = await lab.open(backend, workspace);
    assert.deepEqual(await lab.open(backend, workspace, { resume: one.session }), one);
    assert.deepEqual(await lab.open(backend, workspace, { resume: 'latest' }), one);
    await kill(one.container);
    const both = await Promise.all([1, 2, 3].map(() => lab.open(backend, workspace, { resume: one.session })));
    assert.deepEqual(both, [one, one, one]);
    assert.deepEqual(await lab.containers(workspace), [one.container]);
    await kill(one.container);
  });

  it('are resumed once by two backends at a time', async () => {
    const workspace = await lab.workspace();
    const one = await lab.open(backend, workspace);
    await kill(one.container);
    const second = await lab.backend({ settings: { agent: 'quiet', maxSlots: 3 } });
    const resumed = () => Promise.all([backend, second].map(b => lab.open(b, workspace, { resume: one.session })));
    assert.deepEqual(await resumed(), [one, one]);
    await backend.call('slot/stop', { container: one.container, timeout: 0 });
    await second.when(one.container, s => s?.status === 'stopped');
    assert.deepEqual(await resumed(), [one, one], 'in the container that is there');
    assert.deepEqual(await lab.containers(workspace), [one.container]);
    await kill(one.container);
    await second.end();
  });

  it('are as they were when their open fails', async () => {
    const workspace = await lab.workspace();
    await lab.write(join(lab.home, '.coi/profiles/nobody/config.toml'), '[incus]\ncode_uid = 4242\n');
    const one = await lab.open(backend, workspace, { slot: 2 });
    await kill(one.container);
    const before = await readFile(record(one.session), 'utf8');
    const asked = { resume: one.session, slot: 1, persistent: true, profile: 'nobody' };
    await assert.rejects(lab.open(backend, workspace, asked), isReply('agent', /lacks the user/));
    assert.equal(await readFile(record(one.session), 'utf8'), before);
    assert.deepEqual(await lab.containers(workspace), []);
  });

  it('are kept when the container of a failed open cannot be deleted, which writes to them', async () => {
    const workspace = await lab.workspace();
    await lab.write(join(lab.home, '.coi/profiles/asking/config.toml'), 'forward_env = ["ASKED"]\n');
    const asking = await lab.backend({ settings: { agent: 'quiet' } });
    const container = coiName(workspace, 1);
    const protect = (value: string) => incusCli('config', 'set', container, `security.protection.delete=${value}`);
    asking.connection.onRequest('client/environment', async ({ names }: { names: string[] }) => {
      if (!names.includes('ASKED')) return { values: {} };
      await until('the container runs', async () => (await lab.instance(container))?.running);
      await protect('true');
      throw new Error('nothing is told');
    });
    try {
      await assert.rejects(lab.open(asking, workspace, { profile: 'asking' }), isReply('unavailable'));
      const instance = await lab.instance(container);
      const session = instance?.config['user.incus-agents.session'] ?? '';
      assert.equal(await exists(record(session)), true);
    } finally {
      await protect('');
    }
    // The next backend finishes it.
    await asking.end();
    const next = await lab.backend();
    await until('it is gone', async () => (await lab.instance(container)) === undefined);
    await next.end();
  });

  it('of others, unknown and damaged ones are refused and left as they are', async () => {
    const [workspace, other] = [await lab.workspace(), await lab.workspace()];
    const one = await lab.open(backend, workspace);
    await kill(one.container);
    const open = (resume: string, where = workspace) => lab.open(backend, where, { resume });
    await assert.rejects(open(one.session, other), isReply('invalid', /another workspace/));
    await assert.rejects(open('latest', other), isReply('not-found'));
    await assert.rejects(open('11111111-2222-4333-8444-555555555555'), isReply('not-found'));
    await assert.rejects(open('../sessions-quiet'), isReply('not-found'));
    for (const damage of ['{"session_id": ', '[]', '{}', '']) {
      await writeFile(record(one.session), damage);
      await assert.rejects(open(one.session), isReply('invalid', /damaged/));
      assert.equal(await readFile(record(one.session), 'utf8'), damage);
    }
    const { checks } = await backend.call('health/check', {});
    const told = checks.find(check => check.id === 'user.sessions');
    assert.equal(told?.status, 'warning');
    assert.match(told?.detail ?? '', new RegExp(one.session));
    assert.deepEqual(await lab.containers(workspace), []);
    await backend.call('session/delete', { id: one.session });
    assert.equal(await exists(record(one.session)), false);
  });

  it('whose conversation is gone are not begun anew, and stay as they are', async () => {
    const workspace = await lab.workspace();
    const id = '0e0e0e0e-1111-4222-8333-444455556666';
    const known = { session_id: id, workspace, saved_at: '2026-01-02T03:04:05Z', title: 'its title' };
    await lab.write(record(id, 'claude'), JSON.stringify({ ...known, last_activity_at: '2026-01-02T03:04:05Z' }));
    const before = await readFile(record(id, 'claude'), 'utf8');
    await assert.rejects(lab.open(backend, workspace, { resume: id }), isReply('not-found', /conversation .* is gone/));
    assert.equal(await readFile(record(id, 'claude'), 'utf8'), before);
    assert.deepEqual(await readdir(join(record(id, 'claude'), '..')), ['metadata.json']);
    assert.deepEqual(await lab.containers(workspace), []);
  });

  it('that are live in another project of Incus are neither started a second time nor deleted', async () => {
    const workspace = await lab.workspace();
    const project = await otherProject();
    const settings = { agent: 'quiet', maxSlots: 3 };
    const there = await lab.backend({ args: ['--incus-project', project], settings });
    const one = await lab.open(there, workspace);
    const live = isReply('conflict', new RegExp(`is live in ${one.container} of the Incus project ${project}`));
    await assert.rejects(lab.open(backend, workspace, { resume: one.session }), live);
    await assert.rejects(backend.call('session/delete', { id: one.session }), live);
    await there.call('slot/stop', { container: one.container, timeout: 0 });
    // Names are one for all projects of a network, so the former slot is not free.
    const here = await lab.open(backend, workspace, { resume: one.session, slot: 2 });
    assert.equal(here.session, one.session);
    await assert.rejects(
      there.call('slot/start', { container: one.container }),
      isReply('conflict', /of the Incus project default/),
    );
    await there.call('slot/kill', { container: one.container });
    await kill(here.container);
    await there.end();
  });

  it('that coi resumes are live where coi says so, though their records were there before', async () => {
    const workspace = await lab.workspace();
    const name = coiName(workspace, 2);
    const id = '0f0f0f0f-1111-4222-8333-444455556666';
    const saved = (saved_at: string) =>
      JSON.stringify({ session_id: id, container_name: name, workspace, persistent: false, saved_at });
    await lab.write(record(id), saved('2026-01-02T03:04:05Z'));
    const listed = () => backend.changes.some(change => change.sessions?.some(session => session.id === id));
    await until('its record is known', listed);
    await incusCli('init', '-q', lab.image, name, '-c', 'raw.idmap=uid 1000 1000\ngid 1000 1000');
    await incusCli('config', 'device', 'add', name, 'workspace', 'disk', `source=${workspace}`, 'path=/workspace');
    await incusCli('start', name);
    await backend.when(name, s => s?.status === 'running' && s.session === undefined);
    await writeFile(record(id), saved(new Date().toISOString()));
    assert.deepEqual(await lab.open(backend, workspace, { resume: id }), { container: name, slot: 2, session: id });
    assert.deepEqual(await lab.containers(workspace), [name]);
    await assert.rejects(backend.call('session/delete', { id }), isReply('conflict', /live/));
    await backend.when(name, s => s?.session === id);
    await kill(name);
  });

  it('bring the agent back into a container that runs without it, and leave one that is there alone', async () => {
    const workspace = await lab.workspace();
    const one = await lab.open(backend, workspace);
    const tmux = (...words: string[]) =>
      backend.call('slot/exec', { container: one.container, argv: ['tmux', ...words] });
    const pid = async () => (await tmux('list-panes', '-a', '-F', '#{pane_pid}')).stdout.trim();
    const before = await pid();
    await lab.open(backend, workspace, { resume: one.session });
    assert.equal(await pid(), before);
    const runs = await backend.when(one.container, s => /^(idle|working)$/.test(s?.agentState.state ?? ''), 150_000);
    assert.match(runs?.agentState.why ?? '', /^There are no signals from it; its screen/);
    await tmux('kill-server');
    await backend.when(one.container, s => s?.agentState.state === 'exited');
    assert.deepEqual(await lab.open(backend, workspace, { resume: one.session }), one);
    assert.match(await pid(), /^\d+$/);
    assert.notEqual(await pid(), before);
    await kill(one.container);
  });

  it('cannot be deleted while live; a stopped slot whose session is deleted starts anew', async () => {
    const workspace = await lab.workspace();
    const one = await lab.open(backend, workspace, { persistent: true });
    await assert.rejects(backend.call('session/delete', { id: one.session }), isReply('conflict', /live/));
    await backend.call('slot/stop', { container: one.container, timeout: 0 });
    // As another backend notes that it starts it, which lives.
    const key = `test-${one.session}`;
    const life = await takeMutex(key);
    const note = (phase: string, by: string) =>
      incusCli('config', 'set', one.container, `user.incus-agents.phase=${phase}`, `user.incus-agents.backend=${by}`);
    await note('starting', key);
    await assert.rejects(backend.call('session/delete', { id: one.session }), isReply('conflict', /live/));
    await note('', '');
    life?.close();
    await backend.call('session/delete', { id: one.session });
    await assert.rejects(backend.call('session/show', { id: one.session }), isReply('not-found'));
    await backend.call('slot/start', { container: one.container });
    const slot = await backend.when(one.container, s => s?.status === 'running' && s.session !== one.session);
    assert.ok(slot?.session);
    assert.ok(await exists(record(slot.session)));
    await kill(one.container);
  });

  it('are listed by workspace and agent, renamed, and gone for every client when a folder goes', async () => {
    const [workspace, other] = [await lab.workspace(), await lab.workspace()];
    const [one, two, three] = await Promise.all([
      lab.open(backend, workspace),
      lab.open(backend, workspace, { agent: 'shell' }),
      lab.open(backend, other),
    ]);
    const ids = async (params: { workspace?: string; agent?: string }) =>
      (await backend.call('session/list', params)).sessions.map(s => s.id).sort();
    assert.deepEqual(await ids({ workspace }), [one.session, two.session].sort());
    assert.deepEqual(await ids({ workspace, agent: 'quiet' }), [one.session]);
    assert.deepEqual(await ids({ workspace: other }), [three.session]);
    await backend.call('session/rename', { id: one.session, title: `a\u001b[31m \u202etitle\n${'x'.repeat(500)}` });
    const { session } = await backend.call('session/show', { id: one.session });
    assert.match(session.title ?? '', /^a.{0,6} ?title x{10,}/);
    assert.ok((session.title ?? '').length <= 80);
    assert.doesNotMatch(session.title ?? '', /[\u0000-\u001f\u202e]/);
    assert.equal(session.live, true);
    await Promise.all([one, two, three].map(({ container }) => kill(container)));
    const shown = await backend.call('session/show', { id: one.session });
    assert.equal(shown.session.live, false);
  });

  it('in which nothing was said go with their container, and no sooner', async () => {
    const workspace = await lab.workspace();
    const file = (id: string) => join(lab.home, `.coi/sessions-claude/${id}/.claude/projects/-workspace/${id}.jsonl`);
    const open = () => lab.open(backend, workspace, { agent: 'claude', persistent: true, background: true });
    const empty = await open();
    await backend.call('slot/stop', { container: empty.container, timeout: 0 });
    const full = await open();
    assert.equal(full.container, empty.container);
    await until('the one before is gone', async () => !(await exists(record(empty.session, 'claude'))));
    const line = { type: 'user', message: { role: 'user', content: 'said' } };
    await lab.write(file(full.session), JSON.stringify(line));
    await backend.call('slot/stop', { container: full.container, timeout: 0 });
    const last = await open();
    await backend.when(last.container, s => s?.session === last.session);
    await kill(last.container);
    await until('the last one is gone', async () => !(await exists(record(last.session, 'claude'))));
    const { sessions } = await backend.call('session/list', { workspace });
    assert.deepEqual(
      sessions.map(s => s.id),
      [full.session],
    );
  });

  it('of another home are unknown with a reason, and exited when their container is stopped', async () => {
    const workspace = await lab.workspace();
    const stranger = await lab.backend({ env: { HOME: await lab.workspace() }, settings: { agent: 'quiet' } });
    const one = await lab.open(backend, workspace);
    const seen = await stranger.when(one.container, s => s?.agentState.state === 'unknown' && s.status === 'running');
    assert.match(seen?.agentState.why ?? '', /under another home/);
    await backend.call('slot/stop', { container: one.container, timeout: 0 });
    await stranger.when(one.container, s => s?.status === 'stopped' && s.agentState.state === 'exited');
    await backend.call('slot/start', { container: one.container });
    await stranger.when(one.container, s => s?.status === 'running' && s.agentState.state === 'unknown');
    await kill(one.container);
    await stranger.end();
  });

  it('come back all at once after the machine went down', async () => {
    const workspace = await lab.workspace();
    const first = await lab.backend({ settings: { agent: 'quiet', maxSlots: 3 } });
    const opened = await Promise.all([1, 2, 3].map(slot => lab.open(first, workspace, { slot })));
    for (const { container } of opened)
      await until('nothing is under way', async () => (await lab.phase(container)) === '');
    await first.kill();
    await incusCli('stop', '-f', ...opened.map(o => o.container));
    const second = await lab.backend({ settings: { agent: 'quiet', maxSlots: 3 } });
    const slots = await Promise.all(opened.map(o => second.when(o.container, s => s?.status === 'stopped')));
    assert.deepEqual(await lab.containers(workspace), opened.map(o => o.container).sort(), 'nothing starts by itself');
    const resumed = await Promise.all(
      slots.map(s => lab.open(second, workspace, { slot: s?.slot ?? 0, resume: s?.session ?? '', background: true })),
    );
    assert.deepEqual(resumed, opened);
    for (const { container } of opened) await second.when(container, s => s?.status === 'running');
    await Promise.all(opened.map(({ container }) => second.call('slot/kill', { container })));
    await second.end();
  });

  it('do not follow what a container puts in the way of a mount', async () => {
    const workspace = await lab.workspace();
    const one = await lab.open(backend, workspace);
    await kill(one.container);
    const signals = join(lab.home, `.coi/sessions-quiet/${one.session}/signals`);
    assert.deepEqual(await readdir(signals), []);
    await rm(signals, { recursive: true });
    await mkdir(join(lab.directory, 'outside'), { recursive: true });
    await symlink(join(lab.directory, 'outside'), signals);
    await assert.rejects(lab.open(backend, workspace, { resume: one.session }), isReply('invalid', /not a directory/));
    assert.deepEqual(await lab.containers(workspace), []);
  });
});
