import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BackendOptions, isReply, startBackend } from '../../support/backend.ts';
import { type Desk, desk, lines } from './harness.ts';

/** A backend that reads the configuration of a desk. It needs no Incus for that. */
async function backendOf(t: TestContext, d: Desk, o: BackendOptions = {}) {
  const backend = await startBackend({ ...o, env: { HOME: d.home } });
  t.after(() => backend.end());
  const told = async () => lines((await backend.call('config/show', { workspace: d.workspace })).problems);
  return { backend, told };
}

test('a workspace is the same with a slash behind it, and one that cannot be is a typed failure', async t => {
  const d = await desk(t);
  const workspaces = [{ path: d.workspace, trusted: true, settings: { image: 'of-the-folder' } }];
  const { backend } = await backendOf(t, d, { workspaces });
  for (const workspace of [d.workspace, `${d.workspace}/`, `${d.workspace}/./`]) {
    const { values } = await backend.call('config/show', { workspace });
    assert.equal(values.find(({ key }) => key === 'container.image')?.value, 'of-the-folder', workspace);
  }
  const file = await d.file('work/file', '');
  const wrong: [string, Parameters<typeof isReply>][] = [
    ['work', ['invalid', /not absolute/]],
    [file, ['invalid', /not a directory/]],
    [`${d.workspace}/gone`, ['not-found', /does not exist/]],
    [`${file}/below`, ['not-found', /does not exist/]],
  ];
  for (const [workspace, failure] of wrong)
    await assert.rejects(backend.call('config/show', { workspace }), isReply(...failure), workspace);
  const raw = (params: unknown) => backend.connection.sendRequest('config/show', params);
  for (const params of [{}, { workspace: 7 }, { workspace: '' }])
    await assert.rejects(raw(params), isReply('invalid', /"workspace"/));
});

test('an Incus that the configuration names and the backend does not serve is told at its place', async t => {
  const d = await desk(t);
  await d.user('[incus]\nproject = "first"\nsocket = "/nowhere/first"\n');
  const environment: Record<string, string> = {};
  const { told } = await backendOf(t, d, { environment });
  assert.deepEqual(await told(), []);
  const later = 'it is read when the backend starts. Run "Incus Agents: Restart Backend".';
  await d.user('[incus]\nsocket = "/nowhere/second"\nproject = "second"\n');
  assert.deepEqual(await told(), [
    `warning 3:1 incus.project is not in force, but "first" is: ${later}`,
    `warning 2:1 incus.socket is not in force, but "/nowhere/first" is: ${later}`,
  ]);
  await d.user('[incus]\nsocket = "/nowhere/first"\n');
  assert.deepEqual(await told(), [`warning 1:1 incus.project is not in force, but "first" is: ${later}`]);
  await d.user('[incus]\nproject = "first"\nsocket = "/nowhere/first"\n');
  environment.COI_CONFIG = await d.file('other.toml', '[incus]\nproject = "other"\n');
  const where = 'it counts in ~/.coi/config.toml and as the setting incusAgents.incusProject only.';
  assert.deepEqual(await told(), [`warning 2:1 incus.project is not in force, but "first" is: ${where}`]);
});

test('an Incus that the settings name comes before the one of a file', async t => {
  const d = await desk(t);
  const { told } = await backendOf(t, d, { args: ['--incus-project', 'mine', '--incus-socket', '/nowhere/mine'] });
  assert.deepEqual(await told(), []);
  await d.user('[incus]\nproject = "other"\n');
  assert.deepEqual(await told(), [
    'warning 2:1 incus.project is not in force, but "mine" is: the setting incusAgents.incusProject comes before it.',
  ]);
});
