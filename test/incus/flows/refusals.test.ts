import assert from 'node:assert/strict';
import { chown, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildContainerName, removeBuildContainer } from '../../../server/images/container.ts';
import { BACKEND_KEY, BUILD_ID_KEY, BUILD_KEY } from '../../../server/images/properties.ts';
import type { SlotOpenParams } from '../../../server/protocol/methods.ts';
import { isReply, startBackend, type TestBackend } from '../../support/backend.ts';
import { freePort, uniqueName, until } from '../support.ts';
import { coiName, failureOf, incusCli, type Lab, makeLab } from './support.ts';

describe('what cannot be', { skip: process.getuid?.() !== 0 }, () => {
  let lab: Lab;
  let backend: TestBackend;
  before(async () => {
    lab = await makeLab();
    backend = await lab.backend();
  });
  after(() => lab.close());

  /** All of an instance but what Incus notes about it. */
  async function definition(name: string): Promise<string> {
    const instance = await lab.instance(name);
    assert.ok(instance);
    const own = ([key]: [string, string]) => !key.startsWith('volatile.');
    const config = Object.fromEntries(Object.entries(instance.config).filter(own));
    const expandedConfig = Object.fromEntries(Object.entries(instance.expandedConfig).filter(own));
    return JSON.stringify({ ...instance, config, expandedConfig });
  }

  /** The failure of an open that must leave nothing. */
  async function refused(workspace: string, more: Partial<SlotOpenParams> = {}, b = backend) {
    const failure = await failureOf(lab.open(b, workspace, more));
    assert.notEqual(failure.hint, '', `no next step: ${failure.message}`);
    assert.deepEqual(await lab.containers(workspace), []);
    assert.equal(b.slots.get(coiName(workspace, 1)), undefined);
    return failure;
  }

  it('unknown methods and wrong parameters are told by name', async () => {
    const raw = (method: string, params: unknown) => backend.connection.sendRequest(method, params);
    assert.match((await failureOf(raw('slot/fly', {}))).message, /slot\/fly/);
    const wrong: [string, unknown, RegExp][] = [
      ['slot/open', {}, /"workspace"/],
      ['slot/open', { workspace: 7 }, /"workspace"/],
      ['slot/open', { workspace: '/x', slot: 'one' }, /"slot"/],
      ['slot/open', { workspace: '/x', persistent: 'yes' }, /"persistent"/],
      ['slot/attach', { container: coiName('/x', 1), kind: 'guest' }, /"kind"/],
      ['slot/exec', { container: coiName('/x', 1), argv: 'true' }, /"argv"/],
      ['slot/exec', { container: coiName('/x', 1), argv: ['a'], user: -1 }, /"user"/],
      ['slot/stop', { container: coiName('/x', 1), timeout: -5 }, /"timeout"/],
      ['slot/stop', null, /"container"|parameters/],
    ];
    for (const [method, params, message] of wrong)
      await assert.rejects(raw(method, params), isReply('invalid', message), `${method} ${JSON.stringify(params)}`);
  });

  it('a container that is not there, or whose name is none of a slot', async () => {
    const calls = [
      'slot/attach',
      'slot/start',
      'slot/stop',
      'slot/close',
      'slot/delete',
      'slot/kill',
      'slot/pause',
    ] as const;
    for (const method of calls) {
      const missing = await failureOf(backend.call(method, { container: coiName('/nowhere', 1) }));
      assert.deepEqual([missing.kind, missing.hint !== ''], ['not-found', true], method);
      for (const container of ['x', '../etc', 'coi-12345678', 'coi-1234567G-1', 'coi-12345678-0'])
        await assert.rejects(backend.call(method, { container }), isReply('invalid'), `${method} ${container}`);
    }
  });

  it('a foreign instance with a slot’s name is never touched, and the next number is taken', async () => {
    const ws = await lab.workspace();
    const foreign = coiName(ws, 1);
    await incusCli('init', '-q', lab.image, foreign, '-c', 'user.mine=yes');
    const before = await definition(foreign);
    assert.equal(backend.slots.get(foreign), undefined, 'it is not shown');
    const calls = [
      'slot/attach',
      'slot/start',
      'slot/stop',
      'slot/close',
      'slot/delete',
      'slot/kill',
      'slot/persist',
    ] as const;
    for (const method of calls)
      await assert.rejects(
        backend.call(method, { container: foreign }),
        isReply('invalid', /not the container of a slot/),
      );
    await assert.rejects(lab.open(backend, ws, { slot: 1 }), isReply('conflict'));
    const opened = await lab.open(backend, ws);
    assert.equal(opened.slot, 2);
    assert.equal(await definition(foreign), before);
    await backend.call('slot/kill', { container: opened.container });
    // A workspace device that is another folder's does not make it ours either.
    await incusCli('config', 'device', 'add', foreign, 'workspace', 'disk', `source=${lab.home}`, 'path=/workspace');
    await assert.rejects(backend.call('slot/kill', { container: foreign }), isReply('invalid'));
    assert.ok(await lab.instance(foreign));
  });

  it('a folder that is missing, is a file, or is no place for an agent', async () => {
    assert.equal((await refused(join(lab.directory, 'absent'))).kind, 'not-found');
    assert.equal((await refused('relative/path')).kind, 'invalid');
    await lab.write(join(lab.directory, 'file'), '');
    assert.equal((await refused(join(lab.directory, 'file'))).kind, 'invalid');
    await mkdir(join(lab.home, '.coi'), { recursive: true });
    const never = [
      '/',
      lab.home,
      join(lab.home, '.coi'),
      join(lab.home, '.ssh'),
      '/etc',
      '/usr/share',
      '/proc',
      '/home',
      '/var/lib/incus',
    ];
    for (const path of never) {
      const failure = await refused(path);
      assert.match(failure.message, /cannot be a workspace/, path);
      assert.equal(failure.kind, 'invalid', path);
    }
  });

  it('Incus that this user may not use', async () => {
    const closed = await lab.workspace({ uid: 4321 });
    const home = join(lab.directory, 'home-nobody');
    await mkdir(home);
    await chown(home, 65534, 65534);
    const user = await startBackend({ uid: 65534, gid: 65534, env: { HOME: home }, settings: { image: lab.image } });
    try {
      const failure = await failureOf(user.call('slot/open', { workspace: closed }));
      // Without permission for Incus, that is what has to be said first.
      assert.equal(failure.kind, 'permission', failure.message);
      assert.match(failure.message, /usermod -aG incus-admin/);
      await assert.rejects(user.call('image/list', {}), isReply('permission'));
      assert.equal((await user.call('state/get', {})).incus.reason, 'no-permission');
      const { checks } = await user.call('health/check', {});
      const daemon = checks.find(check => check.id === 'incus.daemon');
      assert.deepEqual([daemon?.status, daemon?.fix?.command], ['failed', 'sudo usermod -aG incus-admin "$USER"']);
    } finally {
      await user.end();
    }
    assert.deepEqual(await lab.containers(closed), []);
  });

  it('a folder whose owner Incus may not map, with the command that mends it', async () => {
    const subuid = await readFile('/etc/subuid', 'utf8');
    assert.doesNotMatch(subuid, /^root:4321:1$/m);
    const path = await lab.workspace({ uid: 4321 });
    const failure = await refused(path);
    assert.equal(failure.kind, 'isolation', failure.message);
    const command = ['subuid', 'subgid'].map(file => `echo root:4321:1 | sudo tee -a /etc/${file}`).join(' && ');
    assert.equal(failure.hint, `Run: ${command}`);
    const asking = await lab.backend({ workspaces: [{ path, trusted: true }] });
    const { checks } = await asking.call('health/check', {});
    const mapping = checks.find(check => check.id === 'user.id-mapping');
    assert.deepEqual([mapping?.status, mapping?.fix?.command], ['failed', command]);
    await asking.end();
  });

  it('configuration that is broken, with file, line and column', async () => {
    const ws = await lab.workspace();
    const file = join(ws, '.coi', 'config.toml');
    await lab.write(file, '[container]\nimage = "x\n');
    const broken = await refused(ws);
    assert.equal(broken.kind, 'config', broken.message);
    assert.match(`${broken.message} ${broken.detail}`, new RegExp(`${file}:2:\\d+`));
    const { problems } = await backend.call('config/show', { workspace: ws });
    assert.ok(problems.some(p => p.path === file && p.line === 2));
    await rm(file);
    const { container } = await lab.open(backend, ws);
    await backend.call('slot/kill', { container });
  });

  it('an image that is not there, also one that has gone meanwhile', async () => {
    const ws = await lab.workspace();
    const failure = await refused(ws, { image: 'no-such-image' });
    assert.deepEqual([failure.kind, failure.detail], ['not-found', 'image-missing']);
    assert.deepEqual(failure.image, { alias: 'no-such-image', buildable: false });
    const alias = uniqueName('ia-flows-alias');
    const fingerprint = (await lab.incus.imageAlias(lab.image))?.fingerprint ?? '';
    await incusCli('image', 'alias', 'create', alias, fingerprint);
    const opened = await lab.open(backend, ws, { image: alias, persistent: true });
    await incusCli('image', 'alias', 'delete', alias);
    const gone = await failureOf(lab.open(backend, ws, { image: alias, slot: 2 }));
    assert.deepEqual([gone.kind, gone.detail], ['not-found', 'image-missing']);
    // What was made of it needs it no more.
    await backend.call('slot/stop', { container: opened.container, timeout: 0 });
    await backend.call('slot/start', { container: opened.container });
    await backend.call('slot/stop', { container: opened.container, timeout: 0 });
    assert.equal((await lab.open(backend, ws, { image: alias })).container, opened.container);
    await backend.call('slot/kill', { container: opened.container });
  });

  it('a prompt that nobody would get', async () => {
    const ws = await lab.workspace();
    await lab.write(
      join(lab.home, '.coi/profiles/quiet/config.toml'),
      '[agents.quiet]\ncommand = ["sleep", "infinity"]\n',
    );
    const cases = [
      [{ prompt: 'x' }, /Shell cannot be started with a prompt/],
      [{ prompt: 'sleep', profile: 'quiet', agent: 'quiet' }, /quiet cannot be started with a prompt/],
      [{ prompt: 'ü'.repeat(51 * 1024 + 1), agent: 'claude' }, /100 KiB/],
    ] as const;
    for (const [more, message] of cases) {
      const failure = await refused(ws, more);
      assert.deepEqual([failure.kind, message.test(failure.message)], ['invalid', true], failure.message);
    }
  });

  it('a port that is taken while the slot is opened is told as that, at once', async () => {
    const ws = await lab.workspace();
    const port = await freePort();
    await lab.write(
      join(lab.home, '.coi/profiles/port/config.toml'),
      `[[ports.map]]\nname = "x"\ncontainer = 80\nhost = ${port}\n`,
    );
    const taking = createServer();
    const onProgress = (p: { phase: string }) => {
      if (p.phase === 'create' && !taking.listening) taking.listen(port, '127.0.0.1');
    };
    try {
      const open = backend.call('slot/open', { workspace: ws, profile: 'port' }, { onProgress });
      await assert.rejects(open, isReply('conflict', new RegExp(`The port ${port} .* was taken while`)));
      assert.deepEqual(await lab.containers(ws), []);
    } finally {
      taking.close();
    }
  });

  it('an image of a project, which is built only where the user’s own configuration says how', async () => {
    const ws = await lab.workspace();
    const careful = await lab.backend({ settings: { image: null }, workspaces: [{ path: ws, trusted: true }] });
    await lab.write(join(ws, '.coi', 'config.toml'), '[container]\nimage = "ia-of-the-project"\n');
    const images = async () => (await refused(ws, {}, careful)).image;
    const health = async () => {
      const { checks } = await careful.call('health/check', {});
      return checks.find(check => check.id === 'images.default');
    };
    const trust = (approve?: boolean) => careful.call('config/trust', { workspace: ws, ...(approve && { approve }) });
    const what = 'Make slots from the image "ia-of-the-project"';
    assert.deepEqual((await trust()).pending, [{ kind: 'image', what }]);
    assert.equal((await refused(ws, { agent: 'shell', prompt: 'x' }, careful)).kind, 'invalid');
    const told = careful.messages.map(({ message }) => message).join('\n');
    assert.match(told, /ignored until you approve it .*: Make slots from the image "ia-of-the-project"/);
    await trust(true);
    assert.deepEqual(await images(), { alias: 'ia-of-the-project', buildable: false });
    assert.equal(await failureOf(careful.call('health/fix', { id: 'images.default' })).then(f => f.kind), 'invalid');
    const own = join(lab.home, '.coi', 'config.toml');
    const profile = join(lab.home, '.coi', 'profiles', 'own', 'config.toml');
    await lab.write(profile, '[container]\nimage = "ia-of-the-project"\n');
    await lab.write(own, '[agents.mine]\ncommand = ["mine"]\n');
    const shown = await careful.call('config/show', { workspace: ws });
    assert.deepEqual([shown.profiles.includes('own'), shown.agents], [true, ['mine']]);
    assert.deepEqual(await images(), { alias: 'ia-of-the-project', buildable: true });
    assert.match((await health())?.message ?? '', /ia-of-the-project/);
    assert.equal((await health())?.fix?.action, 'build-image');
    for (const file of [profile, own]) await rm(file);
    await careful.end();
  });

  it('a build in whose way is one that was killed: that goes first', async () => {
    const alias = uniqueName('ia-killed-build');
    const name = buildContainerName(alias);
    const config = { [BUILD_KEY]: alias, [BUILD_ID_KEY]: 'gone', [BACKEND_KEY]: '0-gone' };
    const killed = () => lab.incus.createInstance({ name, source: { alias: 'incus-agents-base' }, config });
    const gone = async () => (await lab.incus.instance(name)) === undefined;
    try {
      await killed();
      const next = await lab.backend();
      await until('a new backend has removed what was left', gone);
      await killed();
      await assert.rejects(next.call('image/build', { alias, base: 'ia-no-such-base' }), isReply('not-found'));
      assert.ok(await gone());
      await next.end();
    } finally {
      await removeBuildContainer(lab.incus, name);
    }
  });

  it('nothing of an image that does not say which agents it has: it is looked into when asked', async () => {
    const looking = await lab.backend();
    const agents = async () =>
      (await looking.call('health/check', {})).checks.find(check => check.id === 'images.agents');
    const unknown = await agents();
    assert.deepEqual([unknown?.status, unknown?.fix?.action], ['warning', 'mend']);
    await looking.call('health/fix', { id: 'images.agents' });
    const known = await agents();
    assert.equal(known?.status, 'ok', known?.message);
    assert.match(known?.message ?? '', /has claude \d+\.\d+\.\d+, codex \d+\.\d+\.\d+/);
    const { fingerprint = '' } = (await lab.incus.imageAlias(lab.image)) ?? {};
    await looking.call('client/update', { settings: { image: fingerprint } });
    assert.equal((await agents())?.status, 'ok', 'also when it is named by its fingerprint');
    await looking.end();
  });

  it('an agent or a profile that nobody knows', async () => {
    const ws = await lab.workspace();
    for (const more of [{ agent: 'nobody' }, { profile: 'nobody' }]) {
      const failure = await refused(ws, more);
      assert.match(failure.message, /nobody/);
      assert.ok(['not-found', 'config', 'invalid'].includes(failure.kind), failure.kind);
    }
  });

  it('a folder of root’s, until the user has agreed to what was shown', async () => {
    const ws = await lab.workspace({ uid: 0 });
    const failure = await refused(ws);
    assert.deepEqual([failure.kind, failure.detail], ['untrusted', 'root-owned']);
    assert.match(failure.hint, /setuid/);
    const shown = await backend.call('config/trust', { workspace: ws });
    assert.deepEqual(
      shown.pending.map(p => p.kind),
      ['root-owned'],
    );
    // What is approved is what was shown: a file that an agent changes in between is not.
    await lab.write(join(ws, '.coi', 'config.toml'), '[defaults]\nforward_env = ["AWS_SECRET_ACCESS_KEY"]\n');
    await assert.rejects(
      backend.call('config/trust', { workspace: ws, approve: true }),
      isReply('conflict', /changed/),
    );
    assert.equal((await refused(ws)).kind, 'untrusted');
    const again = await backend.call('config/trust', { workspace: ws });
    assert.ok(again.pending.length > 1, JSON.stringify(again));
    const approved = await backend.call('config/trust', { workspace: ws, approve: true });
    assert.deepEqual(approved.pending, []);
    const { container } = await lab.open(backend, ws);
    await backend.call('slot/kill', { container });
    await backend.call('config/trust', { workspace: ws, approve: false });
    assert.equal((await refused(ws)).kind, 'untrusted');
  });

  it('a folder that the editor does not trust', async () => {
    const ws = await lab.workspace();
    const careful = await lab.backend({ workspaces: [{ path: ws, trusted: false }] });
    const failure = await refused(ws, {}, careful);
    assert.equal(failure.kind, 'untrusted');
    const above = { path: lab.directory, trusted: false };
    await careful.call('client/update', { workspaces: [above] });
    assert.equal((await refused(ws, {}, careful)).kind, 'untrusted', 'nor one within such a folder');
    await careful.call('client/update', { workspaces: [above, { path: ws, trusted: true }] });
    const { container } = await lab.open(careful, ws);
    await careful.call('slot/kill', { container });
    await careful.end();
  });

  it('Incus that is not there', async () => {
    const ws = await lab.workspace();
    const alone = await lab.backend({ args: ['--incus-socket', join(lab.directory, 'no.socket')] });
    const failure = await refused(ws, {}, alone);
    assert.equal(failure.kind, 'unavailable');
    assert.match(failure.message, /no\.socket.*systemctl start incus/s);
    const { incus } = await alone.call('state/get', {});
    assert.deepEqual([incus.status, incus.reason], ['unavailable', 'not-running']);
    await alone.end();
  });

  it('a start that the network’s hook refuses, with nothing left of what the hook before it did', async () => {
    const workspace = await lab.workspace();
    const strict = await lab.backend({ settings: { network: 'restricted' } });
    const { container } = await lab.open(strict, workspace, { persistent: true });
    await strict.call('slot/close', { container, timeout: 0 });
    await incusCli('config', 'device', 'add', container, 'eth1', 'nic', 'nictype=p2p', 'name=eth1');
    const before = await ownerless(container);
    const failure = await failureOf(lab.open(strict, workspace));
    assert.equal(failure.kind, 'isolation');
    assert.match(failure.message, /more than one network card/);
    assert.equal(await lab.hasFlags(workspace), false);
    assert.deepEqual(await readdir(workspace), []);
    // Incus itself would leave the cables of both cards on the host. Those of others' containers come and go, and are noted a moment late.
    const left = async () => (await ownerless(container)).filter(name => !before.includes(name));
    await until('no cable stays', async () => (await left()).length === 0);
  });

  /** The ends of cables on the host that no instance but the one that was refused says to be its own. */
  async function ownerless(refused: string): Promise<string[]> {
    const cables = (await readdir('/sys/class/net')).filter(name => name.startsWith('veth'));
    const all = await lab.incus.request('GET', '/1.0/instances?recursion=1&all-projects=true', undefined, {
      project: null,
    });
    const instances = (all.metadata as { name: string; config: Record<string, string> }[]).filter(
      i => i.name !== refused,
    );
    const owned = instances.flatMap(({ config }) =>
      Object.entries(config).flatMap(([key, value]) => (/^volatile\..*\.host_name$/.test(key) ? [value] : [])),
    );
    return cables.filter(name => !owned.includes(name));
  }
});
