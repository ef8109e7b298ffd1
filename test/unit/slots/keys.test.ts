import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identify, slotConfig } from '../../../server/slots/keys.ts';
import { containerName } from '../../../server/slots/names.ts';

const workspace = '/home/u/p';
const disk = { type: 'disk', source: workspace, path: '/workspace' };

test('what is stored is read back', () => {
  const config = slotConfig({
    workspace,
    slot: 2,
    agent: 'claude',
    session: 'id',
    persistent: true,
    phase: 'opening',
    backend: 'b',
    shared: ['a login'],
  });
  assert.deepEqual(identify({ name: containerName(workspace, 2), config, devices: {} }), {
    workspace,
    slot: 2,
    keyed: true,
    agent: 'claude',
    session: 'id',
    persistent: true,
    phase: 'opening',
    backend: 'b',
    shared: ['a login'],
  });
});

test("coi's container is known by its device", () => {
  const found = identify({ name: containerName(workspace, 1), config: {}, devices: { workspace: disk } });
  assert.equal(found?.workspace, workspace);
  assert.equal(found?.keyed, false);
  assert.equal(found?.persistent, true, 'no close of ours deletes it');
});

test('what is not ours stays unknown', () => {
  const name = containerName(workspace, 1);
  const other = slotConfig({ workspace: '/home/u/other' });
  const cases: [string, Record<string, string>, Record<string, Record<string, string>>][] = [
    ['web', slotConfig({ workspace }), { workspace: disk }],
    [name, {}, {}],
    [name, other, { workspace: disk }],
    [name, {}, { workspace: { ...disk, source: '/etc' } }],
    [name, {}, { workspace: { type: 'proxy', source: workspace } }],
    [name, {}, { data: disk }],
    [containerName('relative', 1), slotConfig({ workspace: 'relative' }), {}],
    [containerName('/a/../b', 1), slotConfig({ workspace: '/a/../b' }), {}],
  ];
  for (const [instance, config, devices] of cases) {
    assert.equal(
      identify({ name: instance, config, devices }),
      undefined,
      JSON.stringify({ instance, config, devices }),
    );
  }
});

test('values that another program wrote are taken as far as they make sense', () => {
  const config = {
    ...slotConfig({ workspace }),
    'user.incus-agents.phase': 'dancing',
    'user.incus-agents.shared': '{"a":1}',
  };
  const found = identify({ name: containerName(workspace, 1), config, devices: {} });
  assert.equal(found?.phase, undefined);
  assert.deepEqual(found?.shared, []);
});

test('a removed key is empty in a PATCH, an undefined one is left out', () => {
  assert.deepEqual(slotConfig({ phase: null, persistent: false }), {
    'user.incus-agents.phase': '',
    'user.incus-agents.persistent': 'false',
  });
});
