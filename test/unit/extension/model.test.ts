import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Difference } from '../../../extension/model/reducer.ts';
import {
  bringableSlots,
  conversationsOf,
  countsOf,
  deletableImages,
  hasOwnSlots,
  historyOf,
  lastAtWork,
  nextWaiting,
  otherWorkspaces,
  savedSessions,
  waitingSlots,
  wantsYou,
} from '../../../extension/model/selectors.ts';
import { isEligible } from '../../../extension/model/tags.ts';
import type { Slot } from '../../../server/protocol/types.ts';
import { aModel, aSession, aSlot, aSnapshot } from './samples.ts';

const waiting = { state: 'waiting', since: '2026-01-01T09:00:00Z' } as const;

describe('model', () => {
  it('tells only of rows that changed', () => {
    const second = aSlot({ container: 'coi-0a1b2c3d-2', slot: 2 });
    const model = aModel([aSlot(), second]);
    const heard: Difference[] = [];
    model.onDidChange(difference => heard.push(difference));
    model.applyChange({ revision: 2, slots: [{ ...second, agentState: waiting }] });
    assert.deepEqual([...(heard[0]?.slots ?? [])], ['coi-0a1b2c3d-2']);
    assert.equal(heard[0]?.structure.size, 0);
  });

  it('is silent when a new snapshot says the same', () => {
    const model = aModel([aSlot()], [aSession()]);
    let heard = 0;
    model.onDidChange(() => heard++);
    model.applySnapshot({ ...aSnapshot([aSlot()], [aSession()]), revision: 9 });
    assert.equal(heard, 0);
  });

  it('tells in which workspace a row came or went', () => {
    const model = aModel([aSlot()]);
    const heard: Difference[] = [];
    model.onDidChange(difference => heard.push(difference));
    model.applyChange({ revision: 2, gone: { slots: ['coi-0a1b2c3d-1'] } });
    assert.deepEqual([...(heard[0]?.structure ?? [])], ['/home/me/project']);
    assert.equal(model.slot('coi-0a1b2c3d-1'), undefined);
  });

  it('keeps a pending mark until its own end', () => {
    const model = aModel([aSlot()]);
    const first = model.markPending('coi-0a1b2c3d-1', 'stopping');
    const second = model.markPending('coi-0a1b2c3d-1', 'deleting');
    first();
    assert.equal(model.pending('coi-0a1b2c3d-1'), 'deleting');
    second();
    assert.equal(model.pending('coi-0a1b2c3d-1'), undefined);
  });
});

describe('selectors', () => {
  it('counts what works, waits and went wrong', () => {
    const slots = [
      aSlot(),
      aSlot({ agentState: waiting }),
      aSlot({ status: 'stopped', agentState: waiting }),
      aSlot({ status: 'failed', problem: { kind: 'quota', message: 'full' } }),
    ];
    const counts = countsOf(slots);
    assert.deepEqual(
      { working: counts.working, waiting: counts.waiting, failed: counts.failed, wanting: counts.wanting },
      { working: 1, waiting: 1, failed: 1, wanting: 2 },
    );
  });

  it('does not want the user for a stopped slot, but does for a lost protection', () => {
    assert.equal(wantsYou(aSlot({ status: 'stopped', agentState: waiting })), false);
    assert.equal(wantsYou(aSlot({ protection: 'lost' })), true);
  });

  it('goes round the waiting ones, own first', () => {
    const own = aSlot({ container: 'a', agentState: waiting });
    const other = aSlot({ container: 'b', workspace: '/other', agentState: waiting });
    assert.equal(nextWaiting([own], [other], undefined)?.container, 'a');
    assert.equal(nextWaiting([own], [other], 'a')?.container, 'b');
    assert.equal(nextWaiting([own], [other], 'b')?.container, 'a');
    assert.equal(nextWaiting([], [], 'b'), undefined);
  });

  it('goes to who waits before what is in trouble, and never to what does not run', () => {
    const problem = { kind: 'quota', message: 'full' };
    const trouble = aSlot({
      container: 'trouble',
      agentState: { state: 'idle', since: '2025-01-01T00:00:00Z' },
      problem,
    });
    const stopped = aSlot({ container: 'stopped', status: 'failed', problem });
    const asks = aSlot({ container: 'asks', agentState: waiting });
    const other = aSlot({ container: 'other', workspace: '/other', agentState: waiting });
    assert.deepEqual(
      waitingSlots([trouble, stopped, asks]).map(slot => slot.container),
      ['asks', 'trouble'],
    );
    assert.equal(nextWaiting([trouble, stopped], [other], undefined)?.container, 'other');
    assert.equal(nextWaiting([trouble, stopped], [other], 'other')?.container, 'trouble');
    assert.equal(nextWaiting([stopped], [], undefined), undefined);
  });

  it('lists other workspaces once, and history without what is live', () => {
    const slots = [aSlot({ workspace: '/z' }), aSlot({ workspace: '/z' }), aSlot()];
    assert.deepEqual(otherWorkspaces(slots, [{ path: '/home/me/project', name: 'project' }]), ['/z']);
    const sessions = [
      aSession({ id: 'live', live: true, slot: 1 }),
      aSession({ id: 'old', slot: 1 }),
      aSession({ slot: 2 }),
    ];
    assert.deepEqual(
      historyOf(aModel([aSlot()], sessions), aSlot()).map(session => session.id),
      ['old'],
    );
  });

  it('does not take slots for gone while Incus is away', () => {
    const model = aModel([aSlot()]);
    assert.equal(hasOwnSlots(model), true);
    model.applySnapshot({ ...aSnapshot([]), incus: { status: 'unavailable' } });
    assert.equal(hasOwnSlots(model), undefined);
    model.applySnapshot(aSnapshot([aSlot({ workspace: '/other' })]));
    assert.equal(hasOwnSlots(model), false);
  });

  it('has conversations at work and saved ones to read, without those of plain shells', () => {
    const sessions = [
      aSession({ id: 'old' }),
      aSession({ id: 'live', live: true, lastActivityAt: '2026-01-02T10:00:00Z' }),
      aSession({ id: 'shell', agent: 'shell' }),
      aSession({ id: 'other', workspace: '/other' }),
    ];
    assert.deepEqual(
      conversationsOf(aModel([], sessions), '/home/me/project').map(({ id }) => id),
      ['live', 'old'],
    );
  });

  it('lets a live session be resumed whose agent is gone, and no other', () => {
    const session = aSession({ id: 'now', live: true, container: 'coi-0a1b2c3d-1' });
    const resumable = (state: Slot['agentState']['state'], status: Slot['status'] = 'running') => {
      const slot = aSlot({ session: 'now', status, agentState: { state, since: '' } });
      return savedSessions(aModel([slot], [session]), '/home/me/project').length > 0;
    };
    assert.ok(resumable('exited') && resumable('failed'));
    assert.ok(!resumable('working') && !resumable('unknown') && !resumable('exited', 'paused'));
  });

  it('brings back what ran when the machine went down, else what ended last', () => {
    const stopped = (container: string, change: Partial<Slot> = {}) =>
      aSlot({ container, session: container, status: 'stopped', ...change });
    const gone = aSlot({ container: 'gone', session: 'gone', agentState: { state: 'exited', since: '' } });
    const all = [
      stopped('old'),
      stopped('up', { interrupted: true }),
      gone,
      aSlot({ container: 'runs', session: 'x' }),
    ];
    const slots = bringableSlots(all);
    const names = (list: Slot[]) => list.map(slot => slot.container);
    assert.deepEqual(names(slots), ['old', 'up', 'gone']);
    assert.deepEqual(names(lastAtWork(slots, () => '')), ['up', 'gone']);
    const ends: Record<string, string> = {
      old: '2026-01-01T10:00:00Z',
      a: '2026-01-09T10:00:00Z',
      b: '2026-01-09T12:00:00Z',
    };
    const quiet = [stopped('old'), stopped('a'), stopped('b')];
    assert.deepEqual(names(lastAtWork(quiet, ({ container }) => ends[container] ?? '')), ['a', 'b']);
  });

  it('offers only images to be deleted that the backend deletes', () => {
    const image = { fingerprint: 'f', sizeBytes: 1, createdAt: '2026-01-01T10:00:00Z' };
    const images = [
      { ...image, alias: 'mine', ours: true },
      { ...image, alias: 'debian', ours: false },
      { ...image, ours: true },
    ];
    assert.deepEqual(
      deletableImages(images).map(({ alias }) => alias),
      ['mine'],
    );
  });

  it('offers what fits a state', () => {
    assert.equal(isEligible('start', aSlot()), false);
    assert.equal(isEligible('stop', aSlot()), true);
    assert.equal(isEligible('persist', aSlot({ persistent: true })), false);
    assert.equal(isEligible('pause', aSlot({ status: 'paused' })), false);
  });
});
