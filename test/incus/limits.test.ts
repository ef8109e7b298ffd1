import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import { silentLog } from '../../server/base/log.ts';
import type { SlotReach } from '../../server/protocol/methods.ts';
import type { Slot } from '../../server/protocol/types.ts';
import { DEADLINE_KEY, writeDeadline } from '../../server/slots/deadline.ts';
import { liveLimits } from '../../server/slots/live-limits.ts';
import { accountsForSizes } from '../../server/slots/quota.ts';
import type { Trouble } from '../../server/slots/trouble.ts';
import { TroubleWatch } from '../../server/slots/trouble-watch.ts';
import type { TestBackend } from '../support/backend.ts';
import { failureOf, incusCli, incusCliSoon, type Lab, makeLab } from './flows/support.ts';
import { connect, removeAfter, uniqueName, until } from './support.ts';

/** Small enough to be reached soon, large enough for a system to start. */
const CONFIG = `
[limits.memory]
limit = "400MiB"
enforce = "hard"
swap = "false"
[limits.runtime]
max_processes = 150
[limits.disk]
tmpfs_size = "16MiB"
`;

describe('limits of a slot', () => {
  let lab: Lab;
  let backend: TestBackend;
  let container: string;
  const run = (script: string, user: 'root' | 'code' = 'code') =>
    backend.call('slot/exec', { container, argv: ['/bin/sh', '-c', script], user });
  const problem = (kind: string) => backend.when(container, slot => slot?.problem?.kind === kind);
  const noProblem = () => backend.when(container, slot => slot?.problem === undefined);
  const reach = () => backend.call('slot/reach', { container });

  before(async () => {
    lab = await makeLab();
    await lab.write(`${lab.home}/.coi/config.toml`, CONFIG);
    const workspace = await lab.workspace();
    backend = await lab.backend();
    ({ container } = await lab.open(backend, workspace, { persistent: true }));
    // A system that boots with too little memory is slow in its own right.
    await run('systemctl is-system-running --wait', 'root');
  });
  after(() => lab.close());

  it('are in force as the kernel says', async () => {
    const { limits } = await reach();
    assert.equal(limits['limits.memory'], '400MiB');
    assert.equal(limits['limits.processes'], '150');
    assert.equal(limits['tmpfs /tmp'], '16MiB');
    assert.equal(backend.slots.get(container)?.limits?.['limits.memory'], '400MiB');
  });

  it('can be changed while it runs, but not to nonsense', async () => {
    await backend.call('slot/configure', { container, limits: { 'limits.memory': '300MiB', 'limits.cpu': '1' } });
    const { limits } = await reach();
    assert.equal(limits['limits.memory'], '300MiB');
    assert.match(limits['limits.cpu'] ?? '', /^\d$/);
    for (const bad of [{ 'limits.memory': '0' }, { 'limits.memory': '10m; rm' }, { 'security.privileged': 'true' }]) {
      const failure = await failureOf(backend.call('slot/configure', { container, limits: bad as never }));
      assert.equal(failure.kind, 'invalid', JSON.stringify(bad));
    }
    await backend.call('slot/configure', { container, limits: { 'limits.cpu': '' } });
  });

  it('says when memory ran out, and nothing else suffers', async () => {
    const { exitCode } = await run('exec tail /dev/zero');
    assert.equal(exitCode, 137);
    const slot = await problem('memory');
    assert.match(slot?.problem?.message ?? '', /lack of memory.*Raise limits.memory/s);
    await backend.call('slot/configure', { container, limits: { 'limits.memory': '500MiB' } });
    await noProblem();
    assert.equal((await run('echo fine')).stdout, 'fine\n');
  });

  it('says when there are too many processes, and lets one out', async () => {
    await run('for i in $(seq 300); do sleep 600 & done 2>/dev/null; true');
    await run('true').catch(() => undefined);
    await backend.call('slot/usage', { container }).catch(() => undefined);
    const slot = await problem('processes');
    assert.match(slot?.problem?.message ?? '', /all 150/);
    await backend.call('slot/configure', { container, limits: { 'limits.processes': '1000' } });
    await noProblem();
    assert.equal((await run('pkill -x sleep; echo out')).stdout, 'out\n');
  });

  it('says when /tmp is full', async () => {
    await run('head -c 64M /dev/zero >/tmp/fill');
    await backend.call('slot/usage', { container });
    assert.match((await problem('tmp'))?.problem?.message ?? '', /\/tmp in this slot is full/);
    await run('rm /tmp/fill');
    await backend.call('slot/usage', { container });
    await noProblem();
  });
});

test('what nobody has been told yet is told also when the work goes on', async t => {
  const incus = await connect(t);
  const name = uniqueName();
  removeAfter(t, name);
  await incus.createInstance({
    name,
    start: true,
    source: { alias: 'incus-agents-base' },
    config: { 'security.guestapi': 'false', 'limits.memory': '200MiB', 'limits.memory.swap': 'false' },
  });
  const told: (Trouble | undefined)[] = [];
  const watch = new TroubleWatch(incus, { trouble: (_, trouble) => told.push(trouble) }, silentLog);
  t.after(() => watch.close());
  watch.see(name, (await incus.instance(name))?.instance);
  watch.look(name);
  await until('it has been looked at', () => told.length > 0);
  assert.equal(told.at(-1), undefined);
  assert.equal((await incus.exec(name, ['tail', '/dev/zero'])).exitCode, 137);
  watch.goOn(name);
  await until('it is told', () => told.at(-1)?.kind === 'memory');
  watch.goOn(name);
  await until('it is over', () => told.at(-1) === undefined);
});

describe('what a slot reaches', () => {
  let lab: Lab;
  let backend: TestBackend;
  let container: string;
  let workspace: string;
  const reach = () => backend.call('slot/reach', { container });
  const paths = (seen: SlotReach) => seen.mounts.map(mount => mount.path);

  before(async () => {
    lab = await makeLab();
    workspace = await lab.workspace();
    backend = await lab.backend();
    ({ container } = await lab.open(backend, workspace, { persistent: true }));
  });
  after(() => lab.close());

  it('is told from the mounts that there are', async () => {
    const seen = await reach();
    const found = seen.mounts.find(mount => mount.path === '/workspace');
    assert.deepEqual(found, { source: workspace, path: '/workspace', readonly: false });
    for (const { source } of seen.mounts) assert.ok(source.startsWith(lab.directory), source);
    assert.deepEqual(seen.devices, ['/dev/fuse', '/dev/net/tun']);
    assert.equal(seen.verified, true);
    assert.equal(seen.guestApi, false);
    assert.equal(seen.privileged, false);
    assert.ok(seen.protection.length > 0);
    for (const one of seen.protection) assert.equal(one.state, 'locked', one.path);
  });

  it('shows what somebody else added', async () => {
    const extra = await lab.workspace();
    await incusCli('config', 'device', 'add', container, 'extra', 'disk', `source=${extra}`, 'path=/mnt/extra');
    await incusCli('config', 'device', 'add', container, 'kmsg', 'unix-char', 'source=/dev/kmsg', 'path=/dev/kmsg');
    const seen = await reach();
    assert.deepEqual(
      seen.mounts.find(mount => mount.path === '/mnt/extra'),
      { source: extra, path: '/mnt/extra', readonly: false },
    );
    assert.ok((seen.devices as string[]).includes('/dev/kmsg'));
    await incusCli('config', 'device', 'remove', container, 'extra');
    await incusCli('config', 'device', 'remove', container, 'kmsg');
    assert.ok(!paths(await reach()).includes('/mnt/extra'));
  });

  it('does not believe what is mounted over it inside', async () => {
    const hide = 'mount --bind /etc/hostname /proc/1/mountinfo; mount -t tmpfs x /workspace; true';
    await backend.call('slot/exec', { container, user: 'root', argv: ['/bin/sh', '-c', hide] });
    assert.ok(paths(await reach()).includes('/workspace'));
  });

  it('refuses a container that was made privileged', async () => {
    await backend.call('slot/stop', { container, timeout: 0 });
    await incusCli(
      'config',
      'set',
      container,
      'security.privileged=true',
      'raw.idmap=',
      'security.idmap.isolated=false',
    );
    const failure = await failureOf(backend.call('slot/start', { container }));
    assert.equal(failure.kind, 'isolation');
    assert.match(failure.message, /privileged/);
    assert.equal((await lab.instance(container))?.running, false);
    await incusCli('start', container).catch(() => undefined);
    if ((await lab.instance(container))?.running === true) {
      await backend.when(container, slot => slot?.problem?.kind === 'isolation');
      assert.equal((await reach()).privileged, true);
    }
  });
});

describe('the time of a slot', () => {
  let lab: Lab;
  before(async () => {
    lab = await makeLab();
  });
  after(() => lab.close());

  it('ends it, also when the backend was killed meanwhile', async () => {
    await lab.write(`${lab.home}/.coi/config.toml`, '[limits.runtime]\nmax_duration = "1h"\nstop_graceful = false\n');
    const first = await lab.backend();
    const began = Date.now();
    const { container } = await lab.open(first, await lab.workspace());
    const stored = (await lab.instance(container))?.config[DEADLINE_KEY] ?? '';
    assert.match(stored, /^\d{4}-.*Z stop 0$/);
    const hour = Date.parse(stored.split(' ')[0] ?? '') - 3_600_000;
    assert.ok(hour >= began && hour <= Date.now(), `${stored} is no hour from then`);
    await first.kill();
    // As if most of the hour had passed: how long an open takes, nobody can tell before.
    const at = Date.now() + 5000;
    await lab.incus.patchInstance(container, { config: { [DEADLINE_KEY]: writeDeadline({ at, stop: 0 }) } });
    const second = await lab.backend();
    const ended = (slot?: Slot) => slot?.status === 'stopped' && slot.problem !== undefined;
    const slot = await second.when(container, ended, 120_000);
    assert.ok(Date.now() >= at);
    assert.equal(slot?.problem?.kind, 'time-limit');
    assert.equal((await lab.instance(container))?.running, false);
  });
});

/** On a pool of its own: sizes make btrfs account for a whole pool, which slows everything else on it many times. */
test('a full disk is told, and a larger one is the way out, running or stopped', { timeout: 500_000 }, async t => {
  const incus = await connect(t);
  const pool = uniqueName('ia-pool');
  await incusCli('storage', 'create', pool, 'btrfs', 'size=2GiB');
  const name = uniqueName();
  removeAfter(t, name);
  t.after(() => incusCliSoon('storage', 'delete', pool));
  const accounts = () => accountsForSizes({ name: pool, driver: 'btrfs' });
  assert.equal(await accounts(), false);
  const small = incus.createInstance({
    name,
    source: { alias: 'incus-agents-base' },
    devices: { root: { type: 'disk', path: '/', pool, size: '64MiB' } },
    start: true,
  });
  await assert.rejects(small);
  assert.equal(await incus.instance(name), undefined);
  await incus.createInstance({
    name,
    start: true,
    source: { alias: 'incus-agents-base' },
    config: { 'security.guestapi': 'false' },
    devices: { root: { type: 'disk', path: '/', pool, size: '420MiB' } },
  });
  assert.equal(await accounts(), true);
  const told: (Trouble | undefined)[] = [];
  const watch = new TroubleWatch(
    incus,
    { trouble: (_, trouble) => told.push(trouble) },
    { ...silentLog, debug: text => t.diagnostic(text) },
  );
  t.after(() => watch.close());
  const looked = async () => {
    const before = told.length;
    watch.look(name);
    await until('it looked', () => told.length > before, 150_000);
    return told.at(-1);
  };
  const size = async (value: string) => {
    const found = await incus.instance(name);
    assert.ok(found !== undefined);
    await incus.patchInstance(name, liveLimits({ 'limits.disk.size': value }, found.instance));
  };
  assert.equal(await looked(), undefined);
  await incus.exec(name, ['/bin/sh', '-c', 'head -c 300M /dev/zero >/root/fill; sync']);
  assert.match((await looked())?.message ?? '', /disk of this slot is full \(420MiB/);
  await size('460MiB');
  assert.equal(await looked(), undefined);
  // Small files take no room but that for their names and what is said about them, which counts too: btrfs has no number of files.
  const many = `perl -e 'for (1..300000) { open(F, ">", "/root/f$_") && print F "x" x 1900 and close F or exit print $_ }'`;
  const { stdout } = await incus.exec(name, ['/bin/sh', '-c', `${many}; sync`]);
  assert.match(stdout.toString(), /^\d+$/, 'they are refused before there are 300,000');
  await incus.exec(name, ['/bin/sh', '-c', 'head -c 300M /dev/zero >/root/more; sync']);
  assert.match((await looked())?.message ?? '', /disk of this slot is full/);
  await incus.setState(name, 'stop', { force: true });
  await size('520MiB');
  await incus.setState(name, 'start');
});
