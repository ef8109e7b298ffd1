import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import type { BackendApi } from '../../../extension/model/backendApi.ts';
import type { Model } from '../../../extension/model/model.ts';
import type { Difference } from '../../../extension/model/reducer.ts';
import { slotName } from '../../../extension/views/names.ts';
import type { Node } from '../../../extension/views/node.ts';
import { rowOf } from '../../../extension/views/row.ts';
import { Tooltips } from '../../../extension/views/tooltipSource.ts';
import { TreeShape } from '../../../extension/views/treeShape.ts';
import { aModel, aSession, aSlot } from './samples.ts';

const NOW = Date.parse('2026-01-01T10:05:00Z');

function labels(model: Model, nodes: readonly Node[]): string[] {
  return nodes.map(node => rowOf(model, node, NOW).label);
}

function redraws(model: Model, shape: TreeShape): (string | undefined)[][] {
  const heard: (string | undefined)[][] = [];
  model.onDidChange((difference: Difference) => heard.push(shape.redraw(difference).map(node => node?.id)));
  return heard;
}

describe('tree', () => {
  it('is empty without slots and sessions, so that a welcome text shows', () => {
    assert.deepEqual(new TreeShape(aModel([])).children(undefined), []);
  });

  it('has workspaces, slots in order, and other workspaces apart', () => {
    const model = aModel([
      aSlot({ container: 'c10', slot: 10 }),
      aSlot({ container: 'c2', slot: 2 }),
      aSlot({ container: 'x', workspace: '/elsewhere/other' }),
    ]);
    const shape = new TreeShape(model);
    const roots = shape.children(undefined);
    assert.deepEqual(labels(model, roots), ['project', 'Other workspaces']);
    assert.deepEqual(labels(model, shape.children(roots[0])), ['Slot 2', 'Slot 10']);
    assert.deepEqual(labels(model, shape.children(roots[1])), ['other']);
  });

  it('gives the same object for the same row, whatever its state', () => {
    const model = aModel([aSlot()]);
    const shape = new TreeShape(model);
    const [workspace] = shape.children(undefined);
    const [before] = shape.children(workspace);
    model.applyChange({ revision: 2, slots: [aSlot({ status: 'stopped' })] });
    const [after] = shape.children(shape.children(undefined)[0]);
    assert.equal(before, after);
  });

  it('redraws one row for one change', () => {
    const model = aModel([aSlot(), aSlot({ container: 'coi-0a1b2c3d-2', slot: 2 })]);
    const shape = new TreeShape(model);
    shape.children(undefined);
    const heard = redraws(model, shape);
    model.applyChange({ revision: 2, slots: [aSlot({ ip: '10.0.0.9' })] });
    assert.deepEqual(heard, [['slot:coi-0a1b2c3d-1']]);
  });

  it('redraws a workspace when a slot comes, and everything only when a root does', () => {
    const model = aModel([aSlot()]);
    const shape = new TreeShape(model);
    shape.children(undefined);
    const heard = redraws(model, shape);
    model.applyChange({ revision: 2, slots: [aSlot({ container: 'coi-0a1b2c3d-2', slot: 2 })] });
    model.applyChange({ revision: 3, slots: [aSlot({ container: 'x', workspace: '/elsewhere' })] });
    assert.deepEqual(heard, [['workspace:/home/me/project'], [undefined]]);
  });

  it('tells folders of one name apart, in every window that shows both', () => {
    const model = aModel([aSlot(), aSlot({ container: 'x', workspace: '/elsewhere/other' })]);
    const shape = new TreeShape(model);
    const label = (at: number) => rowOf(model, shape.children(undefined)[at] as Node, 0).label;
    assert.equal(label(0), 'project');
    const heard = redraws(model, shape);
    const twin = aSlot({ container: 'y', workspace: '/home/you/work/me/project' });
    model.applyChange({ revision: 2, slots: [twin] });
    assert.deepEqual(heard, [[undefined]], 'the row of the folder that is open has another name now');
    assert.equal(label(0), 'project · home/me');
    assert.equal(slotName(model, twin), 'project · work/me slot 1');
    model.setSurroundings({ folders: [{ path: '/home/me/project', name: 'Shop' }] });
    assert.equal(label(0), 'Shop', 'as the editor calls it');
    assert.equal(slotName(model, twin), 'project slot 1');
  });

  it('has no row for the session of a plain shell, in which nothing can be read', () => {
    const sessions = [aSession({ id: 'now', live: true, agent: 'shell' }), aSession({ id: 'old', agent: 'shell' })];
    const model = aModel([aSlot({ session: 'now', agent: 'shell' })], sessions);
    const shape = new TreeShape(model);
    const [workspace] = shape.children(undefined);
    assert.deepEqual(labels(model, shape.children(workspace)), ['Slot 1']);
    assert.deepEqual(labels(model, shape.children(shape.slot('coi-0a1b2c3d-1'))), ['shell', 'Shell', 'Container']);
  });

  it('shows agent, shell, session, container and history below a slot', () => {
    const sessions = [
      aSession({ id: 'now', live: true, slot: 1, title: 'The parser' }),
      aSession({ id: 'old', slot: 1 }),
    ];
    const model = aModel([aSlot({ session: 'now' })], sessions);
    const shape = new TreeShape(model);
    const parts = shape.children(shape.slot('coi-0a1b2c3d-1'));
    assert.deepEqual(labels(model, parts), ['claude', 'Shell', 'The parser', 'Container', 'History']);
    const details = parts[3];
    assert.deepEqual(labels(model, shape.children(details)), [
      ...['Image', 'Lifetime', 'Network', 'Protected paths', '/workspace'],
    ]);
  });

  it('keeps a session out of the history while its slot comes up', () => {
    const opening = aSlot({ status: 'creating', session: 'new' });
    const model = aModel([opening], [aSession({ id: 'new', slot: 1 }), aSession({ id: 'old', slot: 1, title: 'Old' })]);
    const shape = new TreeShape(model);
    const [workspace] = shape.children(undefined);
    const saved = () => labels(model, shape.children(shape.children(workspace)[1]));
    assert.deepEqual(saved(), ['Old']);
    const heard = redraws(model, shape);
    model.applyChange({ revision: 2, slots: [{ ...opening, status: 'stopped' }] });
    assert.deepEqual(heard, [['workspace:/home/me/project']]);
    assert.deepEqual(saved().sort(), ['Old', 'claude session']);
  });

  it('has a fact for a mount that somebody asked for, and none for what every slot has', () => {
    const [session, home] = ['0a5001d4-fb2c-4e2b-a914-7929267f5ec4', '/home/me/.coi'];
    const mounts = [
      { source: `${home}/sessions-claude/${session}/projects`, path: '/home/code/.claude/projects', readonly: false },
      {
        source: `${home}/sessions-claude/${session}/signals`,
        path: '/home/code/.incus-agents/signals',
        readonly: false,
      },
      { source: `${home}/run/network/x`, path: '/var/lib/incus-agents/network', readonly: true },
      { source: '/home/me/data', path: '/home/code/data', readonly: true },
    ];
    const model = aModel([aSlot({ session, mounts })]);
    const shape = new TreeShape(model);
    const details = shape.children(shape.slot('coi-0a1b2c3d-1')).at(-1);
    assert.deepEqual(labels(model, shape.children(details)).slice(4), ['/home/code/data']);
  });

  it('lists a session in the history once its agent is gone, with what starts it again', () => {
    const held = { session: 'now', container: 'coi-0a1b2c3d-1' };
    const session = aSession({ id: 'now', live: true, slot: 1, title: 'The parser', container: held.container });
    const model = aModel([aSlot(held)], [session]);
    const shape = new TreeShape(model);
    const [workspace] = shape.children(undefined);
    assert.deepEqual(labels(model, shape.children(workspace)), ['Slot 1']);
    const heard = redraws(model, shape);
    model.applyChange({ revision: 2, slots: [aSlot({ ...held, agentState: { state: 'exited', since: '' } })] });
    assert.deepEqual(heard, [['workspace:/home/me/project']]);
    const [slot, history] = shape.children(workspace);
    assert.ok(slot !== undefined && history !== undefined);
    assert.match(rowOf(model, slot, NOW).tags, / running gone /);
    const [row] = shape.children(history);
    assert.ok(row);
    assert.equal(rowOf(model, row, NOW).tags, ' session live resumable own ');
  });

  it('redraws a session where it is in the history while a stopped slot holds it, and within its slot', () => {
    const stopped = aSlot({ status: 'stopped', session: 'held' });
    const session = aSession({ id: 'held', slot: 1 });
    const model = aModel([stopped], [session]);
    const shape = new TreeShape(model);
    const [slot, history] = shape.children(shape.children(undefined)[0]);
    const [row] = shape.children(history);
    shape.children(slot);
    const heard = redraws(model, shape);
    model.applyChange({ revision: 2, sessions: [{ ...session, title: 'Mend the login' }] });
    assert.deepEqual(heard, [[slot?.id, row?.id]]);
  });

  it('finds the rows above', () => {
    const shape = new TreeShape(aModel([aSlot()]));
    const [workspace] = shape.children(undefined);
    const [slot] = shape.children(workspace);
    assert.ok(slot);
    assert.equal(shape.parent(slot), workspace);
    const [agent] = shape.children(slot);
    assert.ok(agent);
    assert.equal(shape.parent(agent), slot);
  });
});

describe('the tooltip of a slot', () => {
  it('takes nothing of the container that had its name before', async () => {
    const model = aModel([aSlot()]);
    let cpuSeconds = 10;
    const request = async () => ({ cpuSeconds, memoryBytes: 1, processes: 1 });
    const tooltips = new Tooltips(model, { request: request as unknown as BackendApi['request'] });
    const of = (now: number) => {
      mock.timers.setTime(now);
      return tooltips.of(new TreeShape(model).slot('coi-0a1b2c3d-1'), {
        onCancellationRequested: () => ({ dispose() {} }),
        isCancellationRequested: false,
      });
    };
    mock.timers.enable({ apis: ['Date'] });
    await of(NOW);
    cpuSeconds = 15;
    assert.match((await of(NOW + 10_000)) ?? '', /50 &#37; of a core/);
    model.applyChange({ revision: 2, gone: { slots: ['coi-0a1b2c3d-1'] } });
    model.applyChange({ revision: 3, slots: [aSlot()] });
    cpuSeconds = 20;
    assert.doesNotMatch((await of(NOW + 20_000)) ?? '', /of a core/);
    mock.timers.reset();
    tooltips.dispose();
  });
});

describe('rows', () => {
  it('says state, tags and whether it wants the user', () => {
    const waiting = aSlot({ agentState: { state: 'waiting', since: '2026-01-01T10:00:00Z' } });
    const model = aModel([waiting]);
    const shape = new TreeShape(model);
    const row = rowOf(model, shape.slot(waiting.container), NOW);
    assert.equal(row.description, 'claude · waiting for you');
    assert.equal(row.tags, ' slot running present ephemeral own ');
    assert.match(row.spoken, /wants you$/);
    assert.equal(row.click, 'agent');
  });

  it('shows a pending act and takes the click away', () => {
    const model = aModel([aSlot()]);
    model.markPending('coi-0a1b2c3d-1', 'stopping');
    const row = rowOf(model, new TreeShape(model).slot('coi-0a1b2c3d-1'), NOW);
    assert.equal(row.icon?.id, 'loading~spin');
    assert.match(row.description ?? '', /stopping…/);
    assert.equal(row.click, undefined);
  });

  it('says of the agent in a paused slot that it is paused', () => {
    const model = aModel([aSlot({ status: 'paused' })]);
    const shape = new TreeShape(model);
    const [agent] = shape.children(shape.slot('coi-0a1b2c3d-1'));
    assert.ok(agent);
    assert.equal(rowOf(model, agent, NOW).description, 'paused');
  });

  it('only selects a stopped row', () => {
    const model = aModel([aSlot({ status: 'stopped' })]);
    assert.equal(rowOf(model, new TreeShape(model).slot('coi-0a1b2c3d-1'), NOW).click, undefined);
  });
});
