import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findSocket } from '../../../server/incus/target.ts';
import type { Slot } from '../../../server/protocol/types.ts';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { uniqueName, until } from '../support.ts';
import { Relay } from './relay.ts';
import { coiName, incusCli, incusCliSoon, type Lab, makeLab } from './support.ts';

describe('the state that clients mirror', { skip: process.getuid?.() !== 0 }, () => {
  let lab: Lab;
  let relay: Relay;
  let backend: TestBackend;
  before(async () => {
    lab = await makeLab();
    relay = new Relay(lab.directory, await findSocket());
    await relay.open();
    backend = await lab.backend({ args: ['--incus-socket', relay.path] });
  });
  after(async () => {
    await lab.close();
    await relay.cut();
  });

  it('comes in whole objects with revisions without gaps, and equals what is asked for', async () => {
    const ws = await lab.workspace();
    const first = backend.changes.length;
    const { container } = await lab.open(backend, ws);
    await backend.when(container, s => s?.status === 'running' && s.ip !== undefined);
    const statuses = () =>
      backend.changes
        .slice(first)
        .flatMap(c => (c.slots ?? []).filter(s => s.container === container).map(s => s.status));
    const order = statuses().filter((s, i, all) => s !== all[i - 1]);
    assert.deepEqual(order, ['creating', 'starting', 'running']);
    const snapshot = await backend.call('state/get', {});
    assert.deepEqual(byName(snapshot.slots), byName([...backend.slots.values()]));
    assert.equal(snapshot.revision, backend.changes.at(-1)?.revision);
    await backend.call('slot/kill', { container });
    await backend.when(container, s => s === undefined);
    assert.ok(backend.changes.some(c => c.gone?.slots?.includes(container)));
    const revisions = backend.changes.map(c => c.revision);
    assert.deepEqual(
      revisions,
      revisions.map((_, i) => (revisions[0] ?? 0) + i),
    );
    for (const slot of backend.changes.flatMap(c => c.slots ?? [])) {
      const needed = ['container', 'workspace', 'slot', 'status', 'persistent', 'agent', 'agentState', 'image'];
      for (const key of [...needed, 'network', 'protection', 'mounts', 'createdAt']) assert.ok(key in slot, key);
    }
  });

  it('learns of what other programs do', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws);
    await backend.when(container, s => s?.status === 'running');
    await until('nothing is under way', async () => (await lab.phase(container)) === '');
    await incusCli('config', 'set', container, 'user.incus-agents.persistent=true');
    await backend.when(container, s => s?.persistent === true);
    await incusCli('pause', container);
    await backend.when(container, s => s?.status === 'paused');
    await incusCli('stop', '-f', container);
    await backend.when(container, s => s?.status === 'stopped' && s.interrupted === undefined);
    // What the end of the machine leaves behind.
    await incusCli('config', 'set', container, 'volatile.last_state.power=RUNNING');
    await backend.when(container, s => s?.interrupted === true);
    await incusCli('rename', container, `${container}-kept`);
    await backend.when(container, s => s === undefined);
    await incusCli('delete', `${container}-kept`);
  });

  it('tells when an Incus that was not set up can be used, without being asked', async () => {
    const project = uniqueName('ia-bare');
    await incusCli('project', 'create', project);
    try {
      const waiting = await lab.backend({ args: ['--incus-project', project] });
      const incus = async () => (await waiting.call('state/get', {})).incus;
      await until('it says what is missing', async () => (await incus()).reason === 'no-disk');
      const { fix = '' } = await incus();
      assert.match(
        fix,
        new RegExp(`^incus profile device add default root disk path=/ pool=\\S+ --project ${project}$`),
      );
      const { checks } = await waiting.call('health/check', {});
      assert.equal(checks.find(({ id }) => id === 'incus.daemon')?.fix?.command, fix);
      await incusCli(
        'profile',
        'device',
        'add',
        'default',
        'root',
        'disk',
        'path=/',
        'pool=default',
        '--project',
        project,
      );
      const isReady = () => waiting.changes.some(({ incus }) => incus?.status === 'ready');
      await until('it is ready', isReady);
      const look = async (id: string) => (await waiting.call('health/check', {})).checks.find(check => check.id === id);
      const card = (await look('network.default'))?.fix?.command ?? '';
      assert.match(
        card,
        new RegExp(`^incus profile device add default eth0 nic network=incusbr0 --project ${project}$`),
      );
      await incusCli(...card.split(' ').slice(1));
      assert.equal((await look('network.default'))?.status, 'ok');
      await waiting.call('client/update', { settings: { storagePool: 'ia-none' } });
      const pool = await look('storage.pool');
      assert.deepEqual([pool?.status, pool?.fix?.command], ['failed', 'incus storage create ia-none btrfs size=50GiB']);
      await waiting.end();
    } finally {
      await incusCliSoon('project', 'delete', project);
    }
  });

  it('asks Incus nothing and computes nothing while nothing happens', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws);
    await backend.when(container, s => s?.ip !== undefined);
    // While its system comes up, a look at what its shell does is due.
    const booted = ['systemctl', 'is-system-running', '--wait'];
    await backend.call('slot/exec', { container, user: 'root', argv: booted });
    await backend.when(container, s => s?.agentState.state === 'idle');
    // Of others' containers it may ask, and wait for what came of that.
    const others = /\/1\.0\/(instances|operations)\//;
    const own = () => relay.requests.filter(line => line.includes(container) || !others.test(line));
    let [before, since] = [own().length, performance.now()];
    const quiet = () => {
      const now = own().length;
      if (now !== before) [before, since] = [now, performance.now()];
      return performance.now() - since > 6000;
    };
    await until('what the open caused has ended', quiet, 60_000);
    // One of some, since the events of other tests' containers are looked at as well, and a system that is busy with itself asks for a look.
    const windows: string[] = [];
    const isIdle = async () => {
      const [asked, used] = [own().length, cpuTicks(backend.process.pid)];
      await sleep(4000);
      const [requests, ticks] = [own().slice(asked), cpuTicks(backend.process.pid) - used];
      windows.push(`${ticks * 10} ms of CPU, ${requests.join(', ') || 'nothing asked'}`);
      return requests.length === 0 && ticks <= 20;
    };
    await until(() => `4 s in which nothing is done (${windows.join('; ')})`, isIdle, 60_000);
    await backend.call('slot/kill', { container });
  });

  it('keeps its rows while Incus is away, says so, and is right again once it is back', async () => {
    const ws = await lab.workspace();
    const { container } = await lab.open(backend, ws);
    const gone = await lab.open(backend, ws);
    await Promise.all([container, gone.container].map(c => backend.when(c, s => s?.status === 'running')));
    await until('nothing is under way', async () => (await lab.phase(container)) === '');
    const incus = () => backend.changes.findLast(c => c.incus !== undefined)?.incus;
    await relay.cut();
    await until('it is told', () => incus()?.status === 'unavailable');
    assert.equal(incus()?.reason, 'not-running');
    assert.match(incus()?.message ?? '', /does not answer at .*relay\.socket/);
    assert.equal(backend.slots.get(container)?.status, 'running');
    await assert.rejects(lab.open(backend, ws), isReply('unavailable', /relay\.socket/));
    await assert.rejects(backend.call('slot/stop', { container }), isReply('unavailable'));
    await incusCli('delete', '-f', gone.container);
    await relay.open();
    await until('it is ready again', () => incus()?.status === 'ready');
    await backend.when(gone.container, s => s === undefined);
    assert.equal(backend.slots.get(container)?.status, 'running');
    await backend.call('slot/close', { container });
    assert.deepEqual(await lab.containers(ws), []);
  });

  it('an open that loses Incus in the middle fails and is mended when it is back', async () => {
    const ws = await lab.workspace();
    // The container runs by then, and its agent does not.
    relay.cutAt = new RegExp(`^POST /1\\.0/instances/${coiName(ws, 1)}/exec`);
    await assert.rejects(lab.open(backend, ws), isReply('unavailable'));
    relay.cutAt = undefined;
    assert.ok(await lab.instance(coiName(ws, 1)), 'it was made');
    await relay.open();
    const isReady = () => backend.changes.findLast(c => c.incus !== undefined)?.incus?.status === 'ready';
    await until('it is ready again', isReady);
    const settled = async () => (await lab.phase(coiName(ws, 1))) === undefined;
    await until('nothing half-made stays', settled, 120_000);
    await backend.when(coiName(ws, 1), s => s === undefined);
  });
});

function byName(slots: readonly Slot[]): Slot[] {
  return slots.toSorted((a, b) => a.container.localeCompare(b.container));
}

/** CPU time that a process has used, in hundredths of a second. */
function cpuTicks(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
