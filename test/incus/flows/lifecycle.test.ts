import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstat, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { typeUntil, uniqueName, until } from '../support.ts';
import { coiName, incusCli, type Lab, makeLab, OWNER, runTerminal } from './support.ts';

describe('the life of a slot', { skip: process.getuid?.() !== 0 }, () => {
  let lab: Lab;
  let backend: TestBackend;
  before(async () => {
    lab = await makeLab();
    backend = await lab.backend();
  });
  after(() => lab.close());

  /** Runs a command in a slot that must succeed; gives what it printed. */
  async function inside(container: string, argv: string[], user: 'code' | 'root' = 'code'): Promise<string> {
    const result = await backend.call('slot/exec', { container, argv, user });
    assert.equal(result.exitCode, 0, `${argv.join(' ')}: ${result.stderr}`);
    return result.stdout;
  }

  it('opens: one container with the name that coi gives it, the folder in it, the agent in tmux', async () => {
    const ws = await lab.workspace();
    const phases: string[] = [];
    const onProgress = (p: { phase: string }) => void (phases.at(-1) === p.phase || phases.push(p.phase));
    const { container, slot, session } = await backend.call('slot/open', { workspace: ws }, { onProgress });
    assert.deepEqual({ container, slot }, { container: coiName(ws, 1), slot: 1 });
    assert.match(session, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
    assert.deepEqual(phases, ['prepare', 'create', 'agent']);
    const instance = await lab.instance(container);
    assert.equal(instance?.config['user.incus-agents.workspace'], ws);
    assert.equal(instance?.config['user.incus-agents.session'], session);
    await until('nothing is under way', async () => (await lab.phase(container)) === '');
    assert.equal(instance?.config['security.guestapi'], 'false');
    const seen = await backend.when(container, s => s?.status === 'running');
    assert.equal(seen?.workspace, ws);
    assert.ok(seen?.mounts.some(m => m.source === ws && m.path === '/workspace' && !m.readonly));
    await inside(container, ['tmux', 'has-session', '-t', `=coi-${container}`]);
    await backend.call('slot/kill', { container });
    assert.equal(await lab.instance(container), undefined);
    assert.equal(await backend.when(container, s => s === undefined), undefined);
  });

  it('hands files to the owner on both sides, also those of container root once it stops', async () => {
    const ws = await lab.workspace();
    execFileSync('/bin/sh', ['-c', 'umask 077; echo host >from-host'], { cwd: ws, ...OWNER });
    const { container } = await lab.open(backend, ws);
    const words = 'cat from-host && echo code >from-code && stat -c %u:%g from-host';
    assert.equal(await inside(container, ['/bin/sh', '-c', words]), 'host\n1000:1000\n');
    const made =
      'mkdir -p node_modules/x && echo r >node_modules/x/r && ln -sf /etc/shadow link && chmod -R 700 node_modules';
    await inside(container, ['/bin/sh', '-c', made], 'root');
    const owner = async (name: string) => {
      const { uid, gid } = await lstat(join(ws, name));
      return { uid, gid };
    };
    assert.deepEqual(await owner('from-code'), OWNER);
    assert.notEqual((await owner('node_modules/x/r')).uid, 0, 'root inside is nobody outside');
    await backend.call('slot/close', { container });
    for (const name of ['node_modules', 'node_modules/x', 'node_modules/x/r', 'link'])
      assert.deepEqual(await owner(name), OWNER, name);
    assert.equal(await lab.instance(container), undefined);
    execFileSync('rm', ['-r', 'node_modules', 'link', 'from-code'], { cwd: ws, ...OWNER });
  });

  it('keeps the path of the folder where that is wanted, and the given path of a link', async () => {
    const real = await lab.workspace({ path: join(lab.directory, `real "ä' $(id) -x`) });
    const link = lab.adopt(join(lab.directory, '-link'));
    await symlink(real, link);
    await writeFile(join(real, 'file'), 'through the link\n');
    // Of several folders each has its own settings.
    const workspaces = [
      { path: `${link}/`, trusted: true, settings: { preserveWorkspacePath: true } },
      { path: real, trusted: true },
    ];
    const preserving = await lab.backend({ workspaces });
    const { container } = await lab.open(preserving, link);
    assert.equal(container, coiName(link, 1), 'links are not resolved, as in coi');
    assert.equal(await inside(container, ['cat', 'file']), 'through the link\n');
    assert.equal(await inside(container, ['pwd']), `${link}\n`);
    assert.equal((await lab.instance(container))?.devices.workspace?.path, link);
    const direct = await lab.open(preserving, real);
    assert.equal(direct.container, coiName(real, 1));
    assert.equal(await inside(direct.container, ['pwd']), '/workspace\n');
    await Promise.all([container, direct.container].map(c => backend.call('slot/kill', { container: c })));
    await preserving.end();
  });

  it('runs commands, types, reads the screen and tells what is used', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws);
    const echo = { container, argv: ['cat'], stdin: 'grüße' };
    assert.deepEqual(await backend.call('slot/exec', echo), { exitCode: 0, stdout: 'grüße', stderr: '' });
    const who = await backend.call('slot/exec', { container, argv: ['id', '-u'], user: 'root', cwd: '/' });
    assert.equal(who.stdout, '0\n');
    const other = await backend.call('slot/exec', {
      container,
      argv: ['sh', '-c', 'id -u; echo e >&2; exit 7'],
      user: 1234,
    });
    assert.deepEqual(other, { exitCode: 7, stdout: '1234\n', stderr: 'e\n' });
    const env = await backend.call('slot/exec', { container, argv: ['sh', '-c', 'echo $A-$HOME'], env: { A: 'b c' } });
    assert.equal(env.stdout, 'b c-/home/code\n');
    await backend.call('slot/send', { container, text: "echo $((6*7)) 'q;uote'" });
    const shows = async () => (await backend.call('slot/capture', { container, lines: 50 })).text.includes('42 q;uote');
    await until('the answer on the screen', shows);
    const usage = await backend.call('slot/usage', { container });
    assert.ok(usage.cpuSeconds > 0 && usage.memoryBytes > 1e6 && usage.processes > 3, JSON.stringify(usage));
    const cancel = new AbortController();
    const long = backend.call(
      'slot/exec',
      { container, argv: ['sh', '-c', 'sleep 4711 & sleep 4711'] },
      { signal: cancel.signal },
    );
    const sleeping = async () =>
      (await backend.call('slot/exec', { container, argv: ['pgrep', '-f', '^sleep 4711'] })).exitCode === 0;
    await until('the command runs', sleeping);
    cancel.abort();
    await assert.rejects(long, isReply('cancelled'));
    await until('its tree is gone', async () => !(await sleeping()));
    await backend.call('slot/kill', { container });
  });

  it('gives a terminal its command, whose tmux coi would find as well', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws);
    for (const kind of ['agent', 'shell', 'root'] as const) {
      const what = await backend.call('slot/attach', { container, kind });
      assert.ok(what.args.includes(`INCUS_AGENTS_TERMINAL=${container}/${kind}`));
      const terminal = runTerminal(what, lab.home);
      let text = '';
      terminal.stdout.on('data', chunk => (text += chunk));
      const ask = () => void terminal.stdin.write(`echo "in-$(id -u)-$((40+2))"\n`);
      const expected = kind === 'root' ? 'in-0-42' : 'in-1000-42';
      await typeUntil(`${kind} answers`, ask, () => text.includes(expected));
      const ended = new Promise(resolve => terminal.once('exit', resolve));
      if (kind === 'agent') terminal.stdin.write('\u0002d');
      else terminal.stdin.write('exit\n');
      assert.equal(await ended, 0, text);
    }
    // As coi does: a plain exec as the code user, which sees the instance's own environment.
    const coi = ['exec', container, '--user', '1000', '--', 'tmux', 'list-sessions', '-F', '#{session_name}'];
    const sessions = new RegExp(`^coi-${container}$`, 'm');
    // Incus sometimes loses what a command printed.
    await until('coi would find it', async () => sessions.test(await incusCli(...coi)));
    await backend.call('slot/kill', { container });
  });

  it('pauses and goes on; a paused or stopped one says what to do', async () => {
    const ws = await lab.workspace();
    const { container, session } = await lab.open(backend, ws);
    await backend.call('slot/pause', { container });
    await backend.call('slot/pause', { container });
    await backend.when(container, s => s?.status === 'paused');
    for (const method of ['slot/capture', 'slot/attach'] as const)
      await assert.rejects(backend.call(method, { container }), isReply('conflict', /paused/));
    await assert.rejects(backend.call('slot/start', { container }), isReply('conflict', /paused/));
    assert.equal((await lab.open(backend, ws, { resume: session })).container, container);
    const told = lab.open(backend, ws, { resume: session, prompt: 'x' });
    await assert.rejects(told, isReply('conflict', /paused, so the prompt was not sent/));
    await backend.call('slot/unpause', { container });
    await backend.when(container, s => s?.status === 'running');
    await inside(container, ['true']);
    await backend.call('slot/pause', { container });
    const began = performance.now();
    await backend.call('slot/stop', { container, timeout: 120 });
    assert.ok(performance.now() - began < 90_000, 'a paused one hears the request to shut down');
    await backend.when(container, s => s?.status === 'stopped');
    for (const method of ['slot/pause', 'slot/unpause', 'slot/capture'] as const)
      await assert.rejects(backend.call(method, { container }), isReply('conflict', /stopped/));
    await backend.call('slot/delete', { container });
    assert.equal(await lab.instance(container), undefined);
  });

  it('keeps an ephemeral one that was stopped until it is closed, and starts it again', async () => {
    const ws = await lab.workspace();
    const { container, session } = await lab.open(backend, ws);
    await inside(container, ['touch', '/home/code/kept']);
    await backend.call('slot/stop', { container });
    await backend.call('slot/stop', { container });
    assert.equal((await backend.when(container, s => s?.status === 'stopped'))?.agentState.state, 'exited');
    const second = await lab.open(backend, ws);
    assert.equal(second.slot, 2, 'what is stopped and not persistent is not taken');
    await backend.call('slot/start', { container });
    await backend.call('slot/start', { container });
    await backend.when(container, s => s?.status === 'running');
    assert.equal((await lab.instance(container))?.config['user.incus-agents.session'], session);
    await inside(container, ['test', '-e', '/home/code/kept']);
    await inside(container, ['tmux', 'has-session', '-t', `=coi-${container}`]);
    await backend.call('slot/stop', { container, timeout: 0 });
    await Promise.all([container, second.container].map(c => backend.call('slot/close', { container: c, timeout: 0 })));
    assert.deepEqual(await lab.containers(ws), []);
  });

  it('keeps a persistent one when it is closed, and takes it first', async () => {
    const ws = await lab.workspace();
    const first = await lab.open(backend, ws);
    const second = await lab.open(backend, ws);
    const { container } = second;
    await backend.call('slot/persist', { container });
    await backend.when(container, s => s?.persistent === true);
    await inside(container, ['touch', '/home/code/kept']);
    await backend.call('slot/close', { container, timeout: 0 });
    await backend.call('slot/close', { container: first.container, timeout: 0 });
    await backend.when(container, s => s?.status === 'stopped');
    const again = await lab.open(backend, ws);
    assert.deepEqual({ ...again, session: '' }, { container, slot: 2, session: '' });
    assert.notEqual(again.session, second.session);
    await inside(container, ['test', '-e', '/home/code/kept']);
    assert.equal((await backend.when(container, s => s?.status === 'running'))?.persistent, true);
    await backend.call('slot/delete', { container, timeout: 0 });
    assert.deepEqual(await lab.containers(ws), []);
    const born = await lab.open(backend, ws, { persistent: true });
    assert.equal(backend.slots.get(born.container)?.persistent, true);
    await backend.call('slot/kill', { container: born.container });
    assert.equal(await readFile(join(ws, 'nothing'), 'utf8').catch(() => 'absent'), 'absent');
  });

  it('tells the agent of its limits and what the configuration adds, and starts it as it says', async () => {
    const ws = await lab.workspace();
    const profile = join(lab.home, '.coi/profiles/told');
    const config = (more = '') => `context = "more.md"
[limits.memory]
limit = "700MiB"
[limits.runtime]
max_processes = 2000
[tool]
binary = "/bin/sh"
pre_launch = ["echo before >before; readlink /proc/self/fd/0 >>before", "exit 3"]
${more}`;
    await lab.write(join(profile, 'more.md'), 'Mind the gap.\n');
    await lab.write(join(profile, 'config.toml'), config());
    const first = await lab.open(backend, ws, { profile: 'told' });
    const read = (container: string, path: string) => inside(container, ['cat', path]);
    const text = await read(first.container, '/home/code/SANDBOX_CONTEXT.md');
    assert.match(text, /- Limits: memory = 700MiB, processes = 2000\n/);
    assert.match(text, /# User-Provided Profile Context\n\nMind the gap\.\n$/);
    const command = '/home/code/.incus-agents/command';
    assert.match(await read(first.container, command), /^set -- '?\/bin\/sh'? '?-l'?\n$/);
    const screen = async () => (await backend.call('slot/capture', { container: first.container })).text;
    await until('what failed is shown', async () => (await screen()).includes('"exit 3" ended with exit code 3.'));
    assert.equal(await readFile(join(ws, 'before'), 'utf8'), 'before\n/dev/null\n');

    await lab.write(join(profile, 'own.md'), 'All of it is mine.\n');
    await lab.write(join(profile, 'config.toml'), config(`context_file = "${join(profile, 'own.md')}"`));
    const other = await lab.open(backend, ws, { profile: 'told', agent: 'claude' });
    assert.match(
      await read(other.container, command),
      /^set -- '?claude/,
      'another program is for the configured agent',
    );
    const own = await read(other.container, '/home/code/.claude/CLAUDE.md');
    assert.match(own, /\nAll of it is mine\.\n\n# User-Provided Profile Context\n\nMind the gap\.\n/);
    await Promise.all([first, other].map(({ container }) => backend.call('slot/kill', { container })));

    // What an agent could have exchanged for a link is not read, and what is missing is said.
    await symlink('/etc/passwd', join(ws, 'told.md'));
    for (const path of [join(ws, 'told.md'), join(profile, 'gone.md')]) {
      await lab.write(join(profile, 'config.toml'), config(`context_file = "${path}"`));
      await assert.rejects(lab.open(backend, ws, { profile: 'told' }), isReply('config', /cannot be read/));
    }
    assert.deepEqual(await lab.containers(ws), []);
  });

  it('stops a slot that has only just started gracefully and soon', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws);
    const began = performance.now();
    await backend.call('slot/stop', { container, timeout: 60 });
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds < 45, `took ${seconds.toFixed(1)} s`);
    assert.equal((await lab.instance(container))?.status, 'Stopped');
    await backend.call('slot/close', { container });
  });

  it('is stopping until it has stopped when that is cancelled too late, and is kept then', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws);
    const argv = ['systemctl', 'mask', '--runtime', 'poweroff.target', 'halt.target'];
    const mask = () => backend.call('slot/exec', { container, argv, user: 'root' });
    await until('it is deaf', async () => (await mask()).exitCode === 0);
    const cancel = new AbortController();
    const listening = Promise.withResolvers<void>();
    // Told by Incus at once: the request is over soon, and asking for what is under way may take as long.
    const watching = lab.incus.events({
      onOpen: () => listening.resolve(),
      onEvent: event => {
        if (event.type !== 'operation' || !event.operation.instances.includes(container)) return;
        if (event.operation.description === 'Stopping instance') cancel.abort();
      },
      onClose: () => {},
    });
    await listening.promise;
    const close = backend.call('slot/close', { container, timeout: 4 }, { signal: cancel.signal });
    await assert.rejects(close, isReply('cancelled'));
    watching.close();
    assert.equal((await backend.when(container, s => s?.status !== 'stopping'))?.status, 'stopped');
    await until('nothing is under way', async () => (await lab.phase(container)) === '');
    await backend.call('slot/close', { container });
  });

  it('is killed at once, also while it stops and while it is opened', async () => {
    const ws = await lab.workspace();
    const { container, session } = await lab.open(backend, ws);
    // A session with a name is kept.
    await backend.call('session/rename', { id: session, title: 'kept' });
    // Nothing inside hears of the request to shut down any more.
    const argv = ['systemctl', 'mask', '--runtime', 'poweroff.target', 'halt.target'];
    const mask = () => backend.call('slot/exec', { container, argv, user: 'root' });
    await until('it is deaf', async () => (await mask()).exitCode === 0);
    const stop = backend.call('slot/stop', { container, timeout: 600 });
    await backend.when(container, s => s?.status === 'stopping');
    await inside(container, ['touch', '/workspace/of-root', '/home/code/.incus-agents/signals/of-root'], 'root');
    const began = performance.now();
    await Promise.all([backend.call('slot/kill', { container }), assert.rejects(stop, isReply('cancelled', /killed/))]);
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds < 120, `took ${seconds.toFixed(1)} s`);
    assert.equal(await lab.instance(container), undefined);
    const signals = join(lab.home, '.coi/sessions-shell', session, 'signals');
    for (const place of [ws, signals])
      assert.equal((await lstat(join(place, 'of-root'))).uid, OWNER.uid, 'what root made belongs to the user');

    const open = lab.open(backend, ws);
    await backend.when(container, s => s?.status === 'creating');
    await Promise.all([backend.call('slot/kill', { container }), assert.rejects(open, isReply('cancelled', /killed/))]);
    assert.deepEqual(await lab.containers(ws), []);
    assert.equal(await backend.when(container, s => s === undefined), undefined);
  });

  it('is left alone by what clears away stopped ones when it runs, and as a kept one when another image is asked for', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws, { persistent: true });
    await assert.rejects(backend.call('slot/close', { container, onlyIfStopped: true }), isReply('conflict', /runs/));
    await backend.call('slot/close', { container, timeout: 0 });
    const temporary = await lab.open(backend, ws, { persistent: false });
    assert.equal(temporary.slot, 2);
    await assert.rejects(lab.open(backend, ws, { slot: 1, persistent: false }), isReply('conflict', /in use/));
    await lab.write(join(lab.home, '.coi/profiles/other/config.toml'), '[container]\nimage = "no-such-image"\n');
    const configured = await lab.backend({ settings: { image: null } });
    const other = lab.open(configured, ws, { profile: 'other' });
    await assert.rejects(other, isReply('not-found', /no-such-image/), 'a profile of another image does not take it');
    await configured.end();
    const again = await lab.open(backend, ws, { image: lab.image });
    assert.equal(again.container, container);
    const { sessions } = await backend.call('session/list', { workspace: ws });
    assert.equal(sessions.find(one => one.id === again.session)?.persistent, true);
    await Promise.all([container, temporary.container].map(c => backend.call('slot/kill', { container: c })));
  });

  it('stays in its storage pool when another is configured, and loses limits of its disk that are configured no more', async () => {
    const ws = await lab.workspace();
    const config = join(lab.home, '.coi/config.toml');
    const root = async (container: string) => (await lab.instance(container))?.devices.root;
    const pool = uniqueName('ia-pool');
    await incusCli('storage', 'create', pool, 'dir');
    try {
      const { container } = await lab.open(backend, ws, { persistent: true });
      const own = (await lab.instance(container))?.expandedDevices.root?.pool;
      await backend.call('slot/close', { container, timeout: 0 });
      await lab.write(config, `[container]\nstorage_pool = "${pool}"\n[limits.disk]\nread = "1GiB"\nwrite = "2GiB"\n`);
      await backend.call('slot/start', { container });
      const { checks } = await backend.call('health/check', {});
      const told = checks.find(({ id }) => id === 'storage.pool');
      assert.match(told?.message ?? '', new RegExp(`${pool} \\(dir\\) unpacks`), 'the pool that new slots use');
      const limits = { 'limits.read': '1GiB', 'limits.write': '2GiB' };
      assert.deepEqual(await root(container), { type: 'disk', path: '/', pool: own, ...limits });
      await backend.call('slot/close', { container, timeout: 0 });
      await lab.write(config, `[container]\nstorage_pool = "${pool}"\n`);
      assert.equal((await lab.open(backend, ws)).container, container, 'a plain open takes it');
      assert.deepEqual(await root(container), { type: 'disk', path: '/', pool: own });
      await backend.call('slot/kill', { container });
    } finally {
      await rm(config, { force: true });
      await incusCli('storage', 'delete', pool);
    }
  });
});
