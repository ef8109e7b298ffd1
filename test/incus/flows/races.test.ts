import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { coiName, failureOf, type Lab, makeLab } from './support.ts';

describe('several at once', { skip: process.getuid?.() !== 0 }, () => {
  let lab: Lab;
  let backend: TestBackend;
  before(async () => {
    lab = await makeLab();
    backend = await lab.backend();
  });
  after(() => lab.close());

  it('ten opens of three backends get ten slots; the eleventh is told that there is none', async () => {
    const ws = await lab.workspace();
    const others = await Promise.all([lab.backend(), lab.backend()]);
    const backends = [backend, ...others];
    const opened = await Promise.all(
      Array.from({ length: 10 }, (_, i) => lab.open(backends[i % backends.length] ?? backend, ws)),
    );
    const slots = opened.map(o => o.slot).sort((a, b) => a - b);
    assert.deepEqual(slots, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.equal(new Set(opened.map(o => o.session)).size, 10);
    for (const { container, slot } of opened) assert.equal(container, coiName(ws, slot));
    const full = await failureOf(lab.open(backend, ws));
    assert.equal(full.kind, 'conflict', full.message);
    assert.match(full.message, /All 10 slots/);
    assert.match(full.hint, /Max Slots/);
    await assert.rejects(lab.open(backend, ws, { slot: 3 }), isReply('conflict', /Slot 3 .* in use/));
    // Every client learns of every slot, whoever opened it.
    for (const b of backends)
      await Promise.all(opened.map(({ container }) => b.when(container, s => s?.status === 'running')));
    await Promise.all(opened.map(({ container }, i) => (backends[i % 3] ?? backend).call('slot/kill', { container })));
    assert.deepEqual(await lab.containers(ws), []);
    await Promise.all(others.map(b => b.end()));
  });

  it('opens of two backends never share a stopped persistent slot', async () => {
    const ws = await lab.workspace();
    const other = await lab.backend();
    const { container } = await lab.open(backend, ws, { persistent: true });
    await backend.call('slot/close', { container, timeout: 0 });
    await Promise.all([backend, other].map(b => b.when(container, s => s?.status === 'stopped')));
    const opened = await Promise.all([backend, other, backend, other].map(b => lab.open(b, ws)));
    assert.deepEqual(opened.map(o => o.slot).sort(), [1, 2, 3, 4]);
    const of = opened.find(o => o.slot === 1);
    assert.equal((await lab.instance(container))?.config['user.incus-agents.session'], of?.session);
    await Promise.all(opened.map(o => backend.call('slot/kill', { container: o.container })));
    await other.end();
  });

  it('takes the number that is asked for, once, and none beyond the limit', async () => {
    const ws = await lab.workspace();
    const small = await lab.backend({ settings: { maxSlots: 3 } });
    const asked = await Promise.allSettled([lab.open(small, ws, { slot: 2 }), lab.open(backend, ws, { slot: 2 })]);
    const won = asked.filter(a => a.status === 'fulfilled');
    assert.equal(won.length, 1, outcomes(asked));
    const lost = asked.find(a => a.status === 'rejected');
    assert.ok(lost !== undefined && isReply('conflict')(lost.reason));
    await assert.rejects(lab.open(small, ws, { slot: 4 }), isReply('invalid', /Slot 4 is out of range/));
    for (const slot of [0, -1, 1.5, 51]) await assert.rejects(lab.open(small, ws, { slot }), isReply('invalid'));
    const next = await lab.open(small, ws);
    assert.equal(next.slot, 1);
    assert.deepEqual(await lab.containers(ws), [coiName(ws, 1), coiName(ws, 2)]);
    await Promise.all([1, 2].map(n => backend.call('slot/kill', { container: coiName(ws, n) })));
    await small.end();
  });

  it('the same button pressed in two windows is done once', async () => {
    const ws = await lab.workspace();
    const other = await lab.backend();
    const { container } = await lab.open(backend, ws, { persistent: true });
    await other.when(container, s => s?.status === 'running');
    const both = [backend, other];
    await Promise.all(both.map(b => b.call('slot/stop', { container })));
    assert.equal((await lab.instance(container))?.status, 'Stopped');
    const starts = await Promise.allSettled(both.map(b => b.call('slot/start', { container })));
    assert.ok(
      starts.some(s => s.status === 'fulfilled'),
      outcomes(starts),
    );
    for (const s of starts) if (s.status === 'rejected') assert.ok(isReply('conflict')(s.reason));
    assert.equal((await lab.instance(container))?.status, 'Running');
    const ends = await Promise.allSettled(both.map(b => b.call('slot/delete', { container, timeout: 5 })));
    assert.ok(
      ends.some(s => s.status === 'fulfilled'),
      outcomes(ends),
    );
    // The other one finds nothing any more, or Incus busy with the first for too long.
    for (const s of ends)
      if (s.status === 'rejected')
        assert.match((await failureOf(Promise.reject(s.reason))).kind, /^(not-found|conflict)$/, outcomes(ends));
    assert.equal(await lab.instance(container), undefined);
    await other.end();
  });
});

/** How several calls ended, for the message of a failure: an error is nothing in JSON. */
function outcomes(settled: readonly PromiseSettledResult<unknown>[]): string {
  return settled.map(one => (one.status === 'fulfilled' ? 'done' : String(one.reason))).join('; ');
}
