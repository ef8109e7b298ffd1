import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { findSocket } from '../../../server/incus/target.ts';
import type { Instance } from '../../../server/incus/types/instance.ts';
import type { Method, ParamsOf } from '../../../server/protocol/methods.ts';
import type { TestBackend } from '../../support/backend.ts';
import { isReply } from '../../support/backend.ts';
import { until } from '../support.ts';
import { Relay } from './relay.ts';
import { coiName, type Lab, makeLab } from './support.ts';

const run = promisify(execFile);

/** The tables of the host's rules, one a line. */
const rulesOnHost = async () => (await run('nft', ['list', 'tables'])).stdout;

/** The configuration without what Incus notes, and without the mark of who took it last. */
const ownKeys = (instance?: Instance) =>
  Object.entries(instance?.config ?? {}).filter(([key]) => !/^volatile\.|\.claim$/.test(key));

/** Longest (ms) that mending may take: a start is waited for, then stopped gracefully, then by force. */
const WAIT = 120_000;

/** For all attempts (ms) to interrupt something: who hears of a phase only when all is over was too late, and tries again. */
const ATTEMPTS = 180_000;

describe('what is interrupted', { skip: process.getuid?.() !== 0 }, () => {
  let lab: Lab;
  let backend: TestBackend;
  /** Between Incus and the backends that are killed. */
  let relay: Relay;
  let told = 0;
  before(async () => {
    lab = await makeLab();
    relay = new Relay(lab.directory, await findSocket());
    await relay.open();
    backend = await lab.backend();
  });
  after(async () => {
    await lab.close();
    await relay.cut();
  });

  /** No container of the workspace, no slot in the state, and no immutable flag in the folder. */
  async function nothingLeft(ws: string, b: TestBackend): Promise<void> {
    await until('nothing half-made stays', async () => (await lab.containers(ws)).length === 0, WAIT);
    await b.when(coiName(ws, 1), s => s === undefined);
    await until('no file is immutable', async () => !(await lab.hasFlags(ws)));
    await until('no rules stay', async () => !(await rulesOnHost()).includes(`incus-agents-${coiName(ws, 1)}\n`));
  }

  /** Cancels a call as soon as it is told to be in a phase, and says whether that was in time. */
  async function cancelled<M extends Method>(method: M, params: ParamsOf<M>, phase: string): Promise<boolean> {
    const cancel = new AbortController();
    const onProgress = (p: { phase: string }) => void (p.phase === phase && cancel.abort());
    const work = backend.call(method, params, { signal: cancel.signal, onProgress });
    return work.then(() => false, isReply('cancelled'));
  }

  for (const phase of ['prepare', 'create', 'agent'])
    it(`an open that is cancelled in phase "${phase}" leaves nothing`, async () => {
      const ws = await lab.workspace();
      const open = async () => {
        if (await cancelled('slot/open', { workspace: ws }, phase)) return true;
        await backend.call('slot/kill', { container: coiName(ws, 1) });
        return false;
      };
      await until('an open that is cancelled in time', open, ATTEMPTS);
      await nothingLeft(ws, backend);
      const again = await lab.open(backend, ws);
      assert.equal(again.slot, 1, 'the number is free again');
      await backend.call('slot/kill', { container: again.container });
    });

  it('a cancelled start of a persistent slot leaves it stopped and free to be used', async () => {
    const ws = await lab.workspace();
    const container = coiName(ws, 1);
    const keep = async () => {
      const { session } = await lab.open(backend, ws, { persistent: true });
      await backend.call('slot/close', { container, timeout: 0 });
      return { session, made: await lab.instance(container) };
    };
    let { session, made } = await keep();
    for (const method of ['open', 'start'] as const) {
      const work = async () => {
        const done =
          method === 'open'
            ? cancelled('slot/open', { workspace: ws, agent: 'claude' }, 'agent')
            : cancelled('slot/start', { container }, 'agent');
        if (await done) return true;
        await backend.call('slot/kill', { container });
        ({ session, made } = await keep());
        return false;
      };
      await until(`one that is cancelled in time by ${method}`, work, ATTEMPTS);
      const down = async () => {
        const i = await lab.instance(container);
        return i?.status === 'Stopped' && (i.config['user.incus-agents.phase'] ?? '') === '';
      };
      await until('it is stopped again', down, WAIT);
      const slot = await backend.when(container, s => s?.status === 'stopped' && s.session === session);
      assert.equal(slot?.agent, 'shell');
      const now = await lab.instance(container);
      assert.deepEqual([ownKeys(now), now?.devices], [ownKeys(made), made?.devices], `as before the ${method}`);
      await backend.call('session/show', { id: session });
    }
    const again = await lab.open(backend, ws);
    assert.equal(again.container, container);
    await backend.call('slot/kill', { container });
  });

  for (const phase of ['create', 'agent'])
    it(`an open whose client goes in phase "${phase}" leaves nothing`, async () => {
      const ws = await lab.workspace();
      const left = async () => {
        const leaving = await lab.backend();
        const reached = Promise.withResolvers<void>();
        const onProgress = (p: { phase: string }) => void (p.phase === phase && reached.resolve());
        leaving.call('slot/open', { workspace: ws }, { onProgress }).catch(() => {});
        await reached.promise;
        await leaving.end();
        if ((await lab.phase(coiName(ws, 1))) !== '') return true;
        await backend.call('slot/kill', { container: coiName(ws, 1) }); // It had been finished before.
        return false;
      };
      await until('a client that goes in time', left, ATTEMPTS);
      await nothingLeft(ws, backend);
    });

  for (const { phase, delay } of [
    { phase: 'prepare', delay: 30 },
    { phase: 'create', delay: 60 },
    { phase: 'create', delay: 200 },
    { phase: 'agent', delay: 0 },
    { phase: 'agent', delay: 80 },
  ])
    it(`the next backend mends an open that was killed ${delay} ms after "${phase}" began, and says so`, async () => {
      const ws = await lab.workspace();
      const name = coiName(ws, 1);
      const dying = await lab.backend({ args: ['--incus-socket', relay.path] });
      const reached = Promise.withResolvers<void>();
      const onProgress = (p: { phase: string }) => void (p.phase === phase && setTimeout(reached.resolve, delay));
      dying.call('slot/open', { workspace: ws }, { onProgress }).catch(() => {});
      await reached.promise;
      await dying.kill();
      await settled(name);
      const left = await lab.instance(name);
      const next = await lab.backend();
      if (left === undefined) return nothingLeft(ws, next);
      if ((left.config['user.incus-agents.phase'] ?? '') === '') {
        await next.call('slot/kill', { container: name }); // It had just been finished.
        return;
      }
      await mended(name, () => messages(next).some(m => m.message.includes(`slot 1 of ${ws}`)));
      const now = await lab.instance(name);
      if (now === undefined) return nothingLeft(ws, next);
      // Its agent had been started already, so it was kept.
      assert.equal(now.config['user.incus-agents.phase'] ?? '', '');
      assert.equal((await next.when(name, s => s?.status === 'running' && s.protection === 'locked'))?.slot, 1);
      const has = { container: name, argv: ['tmux', 'has-session', '-t', `=coi-${name}`] };
      assert.equal((await next.call('slot/exec', has)).exitCode, 0);
      await next.call('slot/kill', { container: name });
      await next.end();
    });

  for (const delay of [0, 400, 1500])
    it(`the next backend mends a start that was killed after ${delay} ms, and starts nothing`, async () => {
      const ws = await lab.workspace();
      const { container } = await lab.open(backend, ws, { persistent: true });
      await backend.call('slot/close', { container, timeout: 0 });
      const dying = await lab.backend({ args: ['--incus-socket', relay.path] });
      dying.call('slot/start', { container }).catch(() => {});
      await until('it is claimed', async () => (await lab.phase(container)) === 'starting');
      await new Promise(resolve => setTimeout(resolve, delay));
      await dying.kill();
      await settled(container);
      const next = await lab.backend();
      await until('it is mended', async () => (await lab.phase(container)) === '', WAIT);
      const now = await lab.instance(container);
      if (now?.running !== true) assert.equal(now?.status, 'Stopped');
      else {
        const has = { container, argv: ['tmux', 'has-session', '-t', `=coi-${container}`] };
        assert.equal((await next.call('slot/exec', has)).exitCode, 0, 'only with its agent is it kept');
      }
      await next.when(container, s => s?.status === (now?.running === true ? 'running' : 'stopped'));
      const again = await lab.open(next, ws);
      assert.equal(again.slot, now?.running === true ? 2 : 1);
      await next.call('slot/kill', { container });
      await next.end();
    });

  it('the next backend gives a kept slot back as it was, when an open that took it was killed', async () => {
    const mendedByNext = async () => {
      const ws = await lab.workspace();
      const container = coiName(ws, 1);
      const { session } = await lab.open(backend, ws, { persistent: true });
      await backend.call('session/rename', { id: session, title: 'worth keeping' });
      await backend.call('slot/close', { container, timeout: 0 });
      const made = await lab.instance(container);
      const dying = await lab.backend({ args: ['--incus-socket', relay.path] });
      dying.call('slot/open', { workspace: ws, agent: 'claude' }).catch(() => {});
      await until('it is redefined', async () => {
        const { config } = (await lab.instance(container)) ?? {};
        return (config?.['user.incus-agents.former'] ?? '') !== '' && config?.['user.incus-agents.agent'] === 'claude';
      });
      await dying.kill();
      await settled(container);
      const next = await lab.backend();
      await until('it is mended', async () => (await lab.phase(container)) === '', WAIT);
      const said = () => messages(next).some(m => m.message.includes(`slot 1 of ${ws} had been interrupted`));
      if (await until('it is said', said, 2000).catch(() => false)) return { ws, container, next, session, made };
      // A backend of a test that runs beside this one was faster, and it knows nothing of the sessions in this home.
      await next.call('slot/kill', { container });
      await next.end();
      return undefined;
    };
    const { ws, container, next, session, made } = await until('the next backend to mend it', mendedByNext, ATTEMPTS);
    const slot = await next.when(container, s => s?.status === 'stopped' && s.session === session);
    assert.equal(slot?.agent, 'shell');
    const now = await lab.instance(container);
    assert.deepEqual([ownKeys(now), now?.devices], [ownKeys(made), made?.devices]);
    await until('the session that was begun is gone, and no other', async () => {
      const { sessions } = await next.call('session/list', { workspace: ws });
      return sessions.map(({ id }) => id).join() === session;
    });
    await next.call('slot/kill', { container });
    await next.end();
  });

  for (const delay of [0, 700])
    it(`the next backend finishes a close that was killed after ${delay} ms`, async () => {
      const ws = await lab.workspace();
      const { container } = await lab.open(backend, ws);
      const dying = await lab.backend({ args: ['--incus-socket', relay.path] });
      await dying.when(container, s => s?.status === 'running');
      dying.call('slot/close', { container, timeout: 30 }).catch(() => {});
      const begun = async () =>
        (await lab.instance(container)) === undefined || (await lab.phase(container)) === 'closing';
      await until('it has begun', begun);
      await new Promise(resolve => setTimeout(resolve, delay));
      await dying.kill();
      const left = await lab.instance(container);
      const next = await lab.backend();
      await nothingLeft(ws, next);
      if (left !== undefined)
        await mended(container, () => messages(next).some(m => /Closing slot 1 .* finished now/.test(m.message)));
      await next.end();
    });

  it('what cannot be finished is tried once, and told', async () => {
    const ws = await lab.workspace();
    const dying = await lab.backend();
    const { container } = await lab.open(dying, ws);
    await dying.kill();
    const keys = { phase: 'closing', backend: 'of-nobody' };
    const config = Object.entries(keys).map(([key, value]) => [`user.incus-agents.${key}`, value]);
    await lab.incus.patchInstance(container, {
      config: { ...Object.fromEntries(config), 'security.protection.delete': 'true' },
    });
    const next = await lab.backend();
    const told = () =>
      next.messages.filter(m => m.message.includes(container) && /not be mended/.test(m.message)).length;
    await until('it is told', () => told() > 0, 120_000);
    // Nothing tells that something does not happen: a second try would follow at once.
    await new Promise(resolve => setTimeout(resolve, 1500));
    const times = told();
    await lab.incus.patchInstance(container, { config: { 'security.protection.delete': '' } });
    await next.call('slot/kill', { container });
    assert.equal(times, 1);
    await next.end();
  });

  it('is said by whoever mended it', () => {
    assert.ok(told > 0);
  });

  it('does not touch what another living backend has under way', async () => {
    const ws = await lab.workspace();
    const reached = Promise.withResolvers<void>();
    const onProgress = (p: { phase: string }) => void (p.phase === 'create' && reached.resolve());
    const open = backend.call('slot/open', { workspace: ws }, { onProgress });
    await reached.promise;
    const next = await lab.backend();
    const { container } = await open;
    await next.when(container, s => s?.status === 'running');
    assert.deepEqual(
      next.messages.filter(({ message }) => message.includes(ws) || message.includes(container)),
      [],
    );
    await backend.call('slot/kill', { container });
    await next.end();
  });

  it('starts nothing that is stopped when it comes back', async () => {
    const ws = await lab.workspace();
    const kept = await lab.open(backend, ws, { persistent: true });
    const stopped = await lab.open(backend, ws);
    await Promise.all([kept, stopped].map(o => backend.call('slot/stop', { container: o.container, timeout: 0 })));
    const usedAt = async () => (await lab.containers(ws)).map(async n => (await lab.instance(n))?.lastUsedAt);
    const before = await Promise.all(await usedAt());
    for (let i = 0; i < 2; i++) {
      const next = await lab.backend();
      await next.when(kept.container, s => s?.status === 'stopped');
      await next.when(stopped.container, s => s?.status === 'stopped');
      await next.kill();
    }
    assert.deepEqual(await Promise.all(await usedAt()), before);
    await Promise.all([kept, stopped].map(o => backend.call('slot/delete', { container: o.container })));
  });

  /**
   * Waits until what was interrupted is mended, and counts it when the next backend said so. Those of tests that run beside this one
   * are backends of the same Incus too: what they mended they told their own clients.
   */
  async function mended(name: string, said: () => boolean): Promise<void> {
    const over = async () => said() || (await lab.instance(name)) === undefined || (await lab.phase(name)) === '';
    await until('it is mended', over, WAIT);
    const heard = await until('it is said', said, 2000).catch(() => false);
    if (heard) told += 1;
  }

  /** What the two backends of this home that live said to their clients: either may mend. */
  function messages(next: TestBackend) {
    return [...backend.messages, ...next.messages];
  }

  /** Waits until Incus has served and ended what the killed backend had asked of it. */
  async function settled(name: string): Promise<void> {
    await until('it is answered', () => relay.left, WAIT);
    const quiet = async () => (await lab.incus.operations()).every(op => !op.instances.includes(name));
    await until(`${name} is quiet`, quiet, WAIT);
  }
});
