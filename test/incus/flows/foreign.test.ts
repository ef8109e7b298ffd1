import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { lstat, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { uniqueName, until } from '../support.ts';
import { coiName, failureOf, incusCli, incusCliSoon, type Lab, makeLab, OWNER, runTerminal } from './support.ts';

const run = promisify(execFile);

/** Until an agent is looked at (ms) that tells nothing of itself: seldom while its container is busy, as on a slow machine it is for a while. */
const LOOKED_AT = 150_000;

describe('what others made', { skip: process.getuid?.() !== 0 }, () => {
  let lab: Lab;
  let backend: TestBackend;
  before(async () => {
    lab = await makeLab();
    backend = await lab.backend();
  });
  after(() => lab.close());

  it('a container as coi makes it is listed, entered, stopped, started by an open and deleted', async () => {
    const ws = await lab.workspace();
    const name = coiName(ws, 3);
    // coi knows its containers by their name and the device `workspace` alone.
    await incusCli('init', '-q', lab.image, name, '-c', 'raw.idmap=uid 1000 1000\ngid 1000 1000');
    await incusCli('config', 'device', 'add', name, 'workspace', 'disk', `source=${ws}`, 'path=/workspace');
    await incusCli('start', name);
    const seen = await backend.when(name, s => s?.status === 'running');
    assert.deepEqual([seen?.workspace, seen?.slot, seen?.agent, seen?.persistent], [ws, 3, 'unknown', true]);
    // Until then the boot may still empty /tmp, where coi's tmux has its socket.
    const cleaned = ['exec', name, '--', 'systemctl', 'is-active', '-q', 'systemd-tmpfiles-setup.service'];
    const isCleaned = () =>
      incusCli(...cleaned).then(
        () => true,
        () => false,
      );
    await until('the boot has emptied /tmp', isCleaned);
    // As coi answers the agent's first questions; without a login it then asks for one and waits.
    const answer = `echo '{"hasCompletedOnboarding": true, "theme": "dark"}' >~/.claude.json`;
    await backend.call('slot/exec', { container: name, argv: ['sh', '-c', answer] });
    const tmux = [
      'exec',
      name,
      '--user',
      '1000',
      '--env',
      'HOME=/home/code',
      '--',
      'sh',
      '-c',
      // Incus may say of one that ran that it did not.
      'tmux has-session -t "=$0" 2>/dev/null || tmux new-session -d -s "$0" "$1"',
      `coi-${name}`,
      // As coi starts an agent.
      "bash -c 'trap : INT; claude --verbose; exec bash'",
    ];
    const begun = () =>
      incusCli(...tmux).then(
        () => true,
        () => false,
      );
    await until('its tmux runs', begun);
    // Nothing tells of this agent, so what is seen of it counts.
    const isSeen = (state?: string) => state === 'working' || state === 'idle';
    const agent = await backend.when(name, s => s?.agent === 'claude' && isSeen(s.agentState.state), LOOKED_AT);
    assert.match(agent?.agentState.why ?? '', /^There are no signals from it; its screen/);
    // Its session is the one that coi's record names: live, and entered instead of begun a second time.
    const session = '0f0e0d0c-aaaa-4bbb-8ccc-ddddeeeeffff';
    const record = { session_id: session, container_name: name, workspace: ws, persistent: false, profile_name: '' };
    const path = join(lab.home, `.coi/sessions-claude/${session}/metadata.json`);
    await lab.write(path, JSON.stringify({ ...record, saved_at: new Date().toISOString() }));
    await backend.when(name, s => s?.session === session);
    assert.deepEqual(await lab.open(backend, ws, { resume: session }), { container: name, slot: 3, session });
    const { sessions } = await backend.call('session/list', { workspace: ws });
    assert.equal(sessions.find(s => s.id === session)?.live, true);
    await backend.call('slot/send', { container: name, text: 'x', enter: false });
    await backend.call('slot/exec', { container: name, argv: ['pkill', '-KILL', '-x', 'claude'] });
    const left = await backend.when(name, s => s?.agentState.state === 'exited', LOOKED_AT);
    assert.match(left?.agentState.why ?? '', /a shell in its place/);
    const typed = backend.call('slot/send', { container: name, text: 'echo typed' });
    await assert.rejects(typed, isReply('agent', /a shell is in its place/));
    const keys = ['tmux', 'send-keys', '-t', `=coi-${name}:`, 'echo $((6*7))-coi', 'Enter'];
    await backend.call('slot/exec', { container: name, argv: keys });
    const shows = async () => (await backend.call('slot/capture', { container: name })).text.includes('42-coi');
    await until('its screen is read', shows);
    const terminal = runTerminal(await backend.call('slot/attach', { container: name }), lab.home);
    let text = '';
    terminal.stdout.on('data', chunk => {
      text += chunk;
    });
    await until('its screen is in the terminal', () => text.includes('42-coi'));
    // The agent is gone, and the shell that coi leaves in its place is no reason to say that all is well.
    const gone = (prompt?: string) => lab.open(backend, ws, { resume: session, ...(prompt ? { prompt } : {}) });
    await assert.rejects(gone(), isReply('conflict', /coi made/));
    await assert.rejects(gone('go on'), isReply('conflict', /coi made/));
    const ended = new Promise(resolve => terminal.once('exit', resolve));
    terminal.stdin.write('\u0002d');
    assert.equal(await ended, 0, text);
    const made = await backend.call('slot/exec', { container: name, argv: ['touch', 'by-root'], user: 'root' });
    assert.equal(made.exitCode, 0, made.stderr);
    assert.equal((await lab.open(backend, ws)).slot, 1);
    await backend.call('slot/stop', { container: name });
    await backend.when(name, s => s?.status === 'stopped');
    const { uid, gid } = await lstat(join(ws, 'by-root'));
    assert.deepEqual({ uid, gid }, OWNER);
    await backend.call('slot/delete', { container: name });
    await backend.call('slot/kill', { container: coiName(ws, 1) });
    assert.deepEqual(await lab.containers(ws), []);
  });

  it('a container that coi made keeps its conversation, whatever is done with it', async () => {
    const ws = await lab.workspace();
    const name = await coiContainer(ws, 1);
    const inside = '/home/code/.claude/projects/-workspace';
    await push(name, `${inside}/newer.jsonl`, 'all that was said');
    await push(name, '/home/code/.claude/projects/-workspace/deep/er.txt', 'of a tool');
    const session = '0f0e0d0c-aaaa-4bbb-8ccc-ddddeeee0001';
    const dir = join(lab.home, `.coi/sessions-claude/${session}`);
    const saved = join(dir, '.claude/projects/-workspace');
    await lab.write(join(saved, 'newer.jsonl'), 'half');
    await lab.write(join(saved, 'older.jsonl'), 'of another container');
    const record = { session_id: session, container_name: name, workspace: ws, persistent: false, profile_name: '' };
    await lab.write(join(dir, 'metadata.json'), JSON.stringify({ ...record, saved_at: new Date().toISOString() }));
    // Stopped, it holds its session all the same; it is no place for another one, and closing it deletes nothing.
    await backend.when(name, s => s?.session === session && s.status === 'stopped' && s.persistent);
    const other = await lab.open(backend, ws, { persistent: true });
    assert.equal(other.slot, 2);
    await backend.call('slot/kill', { container: other.container });
    await assert.rejects(lab.open(backend, ws, { slot: 1 }), isReply('conflict', /in use/));
    await backend.call('slot/close', { container: name });
    assert.deepEqual(await lab.containers(ws), [name]);
    // What leads elsewhere is not followed, on either side, and then nothing is deleted.
    await symlink(lab.directory, join(saved, 'deep'));
    for (const method of ['slot/delete', 'slot/kill'] as const)
      await assert.rejects(backend.call(method, { container: name }), isReply('conflict', /was not deleted/));
    await assert.rejects(backend.call('slot/start', { container: name }), isReply('conflict', /taken over/));
    assert.deepEqual(await lab.containers(ws), [name]);
    assert.equal(await lab.phase(name), '');
    await rm(join(saved, 'deep'));
    await backend.call('slot/delete', { container: name });
    assert.deepEqual(await lab.containers(ws), []);
    const texts = ['newer.jsonl', 'older.jsonl', 'deep/er.txt'].map(file => readFile(join(saved, file), 'utf8'));
    assert.deepEqual(await Promise.all(texts), ['all that was said', 'of another container', 'of a tool']);
  });

  it('one of coi that no record names gets a session when it is killed', async () => {
    const ws = await lab.workspace();
    const name = await coiContainer(ws, 1);
    const id = randomUUID();
    const line = { type: 'user', message: { role: 'user', content: 'said to nobody' } };
    await push(name, `/home/code/.claude/projects/-workspace/${id}.jsonl`, `${JSON.stringify(line)}\n`);
    await backend.when(name, s => s?.status === 'stopped');
    await incusCli('start', name);
    await backend.call('slot/kill', { container: name });
    assert.deepEqual(await lab.containers(ws), []);
    const { sessions } = await backend.call('session/list', { workspace: ws });
    assert.deepEqual(
      sessions.map(({ agent, title, path, live }) => ({ agent, title, path, live })),
      [{ agent: 'claude', title: 'said to nobody', path: '/workspace', live: false }],
    );
  });

  it('one that coi made for an agent whose conversation is elsewhere is left to coi', async () => {
    const ws = await lab.workspace();
    const name = await coiContainer(ws, 1);
    const session = '0f0e0d0c-aaaa-4bbb-8ccc-ddddeeee0003';
    const record = { session_id: session, container_name: name, workspace: ws, saved_at: new Date().toISOString() };
    await lab.write(join(lab.home, `.coi/sessions-opencode/${session}/metadata.json`), JSON.stringify(record));
    await backend.when(name, s => s?.session === session);
    await assert.rejects(lab.open(backend, ws, { resume: session }), isReply('conflict', /made .* for opencode/));
    await backend.call('slot/delete', { container: name });
  });

  /** A stopped container as coi makes it. */
  async function coiContainer(ws: string, slot: number): Promise<string> {
    const name = coiName(ws, slot);
    await incusCli('init', '-q', lab.image, name, '-c', 'raw.idmap=uid 1000 1000\ngid 1000 1000');
    await incusCli('config', 'device', 'add', name, 'workspace', 'disk', `source=${ws}`, 'path=/workspace');
    return name;
  }

  /** Puts a file into a container, as its agent would have. */
  async function push(name: string, path: string, text: string): Promise<void> {
    const file = join(lab.directory, 'pushed');
    await writeFile(file, text);
    await incusCli('file', 'push', '-q', '-p', '--uid=1000', '--gid=1000', file, `${name}${path}`);
  }

  it('a pool that is full is told, and nothing half-made stays', async t => {
    const ws = await lab.workspace();
    const image = await largeImage(t);
    const pool = uniqueName('iafl');
    await incusCli('storage', 'create', pool, 'btrfs', 'size=200MiB');
    try {
      const small = await lab.backend({ settings: { storagePool: pool, image } });
      const failure = await failureOf(lab.open(small, ws));
      assert.equal(failure.kind, 'unavailable', failure.message);
      assert.match(failure.hint, /storage pool/);
      await until('nothing half-made stays', async () => (await lab.containers(ws)).length === 0);
      assert.equal(small.slots.get(coiName(ws, 1)), undefined);
      await small.end();
      const missing = await lab.backend({ settings: { storagePool: uniqueName('none') } });
      const none = await failureOf(lab.open(missing, ws));
      assert.ok(['not-found', 'config'].includes(none.kind), `${none.kind}: ${none.message}`);
      assert.deepEqual(await lab.containers(ws), []);
      await missing.end();
    } finally {
      // Incus removes the volume of an image itself, a moment after the image.
      const clear =
        'for v in $(incus storage volume list "$0" -f csv -c n type=image); do incus storage volume delete "$0" image/$v; done; true';
      await run('/bin/sh', ['-c', clear, pool]);
      await incusCliSoon('storage', 'delete', pool);
    }
  });

  /** An image of one file that is larger than the pool: of one with many files Incus would try every one. */
  async function largeImage(t: Pick<TestContext, 'after'>): Promise<string> {
    const alias = uniqueName('ia-image');
    const directory = await mkdtemp(join(lab.directory, 'image-'));
    const script = `printf 'architecture: %s\\ncreation_date: 1\\n' "$(uname -m)" >metadata.yaml; mkdir rootfs
      head -c 300M /dev/zero >rootfs/large; tar --zstd -cf image.tar.zst metadata.yaml rootfs`;
    await run('/bin/sh', ['-ec', script], { cwd: directory });
    await incusCli('image', 'import', join(directory, 'image.tar.zst'), '--alias', alias);
    t.after(async () => void (await incusCli('image', 'delete', alias)));
    return alias;
  }

  it('a container that ends while it is opened is told as that, and goes', async () => {
    const ws = await lab.workspace();
    const name = coiName(ws, 1);
    let stopped: Promise<void> | undefined;
    const onProgress = (p: { phase: string }) => {
      if (p.phase === 'agent') stopped ??= lab.incus.setState(name, 'stop', { force: true });
    };
    // An agent may run before Incus has stopped anything; then it is opened again.
    let last = '';
    const ends = async () => {
      stopped = undefined;
      const outcome = backend.call('slot/open', { workspace: ws }, { onProgress });
      const opened = await outcome.then(
        () => true,
        () => false,
      );
      await stopped;
      if (opened) return void (await backend.call('slot/kill', { container: name }));
      // One that fails half a second before Incus calls the container stopped is told as what it was.
      const failure = await failureOf(outcome);
      last = failure.message;
      return /ended as soon as it had started/.test(last) && failure;
    };
    const failure = await until(() => `an open whose container ends (${last})`, ends, 180_000);
    assert.equal(failure.kind, 'unavailable', failure.message);
    assert.notEqual(failure.hint, '');
    assert.deepEqual(await lab.containers(ws), []);
    const { checks } = await backend.call('health/check', {});
    const watchers = checks.find(c => c.id === 'host.watchers');
    assert.ok(watchers?.status === 'ok' || watchers?.fix?.command?.includes('sysctl'), JSON.stringify(watchers));
  });

  it('an exec in a container that ends meanwhile settles', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws);
    const long = backend.call('slot/exec', { container, argv: ['sleep', '300'] });
    // Either the exit code of a killed command, or that its container is gone; it must not hang.
    const settled = long.then(
      result => `exit ${result.exitCode}`,
      (error: { data?: { kind?: string } }) => error.data?.kind ?? 'no kind',
    );
    const sleeps = async () =>
      (await backend.call('slot/exec', { container, argv: ['pgrep', '-x', 'sleep'] })).exitCode === 0;
    await until('it runs', sleeps);
    await backend.call('slot/kill', { container });
    assert.match(await settled, /^(exit [1-9]\d*|conflict|unavailable|not-found)$/);
  });
});
