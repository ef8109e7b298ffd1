import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { addAllowedHosts, additionsFile } from '../../../server/config/additions.ts';
import { desk, lines } from './harness.ts';

test('nothing configured gives the defaults of coi', async t => {
  const config = await (await desk(t)).load();
  assert.equal(config.get('container.image'), 'coi-default');
  assert.equal(config.get('container.shutdown_timeout'), 60);
  assert.equal(config.get('network.mode'), 'restricted');
  assert.equal(config.get('maxSlots'), 10);
  assert.deepEqual(config.get('git.protected_branches'), ['main', 'master']);
  assert.deepEqual(config.origin('container.image'), { kind: 'default' });
  assert.equal(config.isSet('container.image'), false);
  assert.deepEqual(config.problems, []);
  assert.equal(config.profile, undefined);
});

test('each layer stands above the one before, and says where its value is', async t => {
  const d = await desk(t);
  const image = async (more = {}) => {
    const loaded = await d.load(more);
    const config = loaded.approve(loaded.gated);
    return [config.get('container.image'), config.origin('container.image')];
  };
  const machine = await d.file('etc/config.toml', '[container]\nimage = "machine"\n');
  assert.deepEqual(await image(), ['machine', { kind: 'file', path: machine, line: 2 }]);
  const old = await d.file('home/.config/coi/config.toml', '\n[container]\nimage = "old"\n');
  assert.deepEqual(await image(), ['old', { kind: 'file', path: old, line: 3 }]);
  const user = await d.user('container.image = "user"\n');
  assert.deepEqual(await image(), ['user', { kind: 'file', path: user, line: 1 }]);
  const project = await d.file('work/.coi.toml', '[container]\n\n\nimage = "dotfile"\n');
  assert.deepEqual(await image(), ['dotfile', { kind: 'file', path: project, line: 4 }]);
  const inner = await d.project('[container]\nimage = "project"\n');
  assert.deepEqual(await image(), ['project', { kind: 'file', path: inner, line: 2 }]);
  const configFile = await d.file('extra/coi.toml', '# mine\ncontainer = { persistent = true, image = "named" }\n');
  assert.deepEqual(await image({ configFile }), ['named', { kind: 'file', path: configFile, line: 2 }]);
  const profile = await d.profile('p', '[container]\nimage = "profile"\n');
  assert.deepEqual(await image({ configFile, profile: 'p' }), ['profile', { kind: 'profile', path: profile, line: 2 }]);
  const settings = { image: 'setting' };
  assert.deepEqual(await image({ configFile, profile: 'p', settings }), ['setting', { kind: 'setting' }]);
  const launch = { 'container.image': 'launch' };
  assert.deepEqual(await image({ configFile, profile: 'p', settings, launch }), ['launch', { kind: 'launch' }]);
});

test('a text that is empty, or a zero, leaves what is below', async t => {
  const d = await desk(t);
  await d.user('[container]\nimage = "mine"\nshutdown_timeout = 5\n[limits.cpu]\ncount = "2"\n');
  await d.project('[container]\nimage = ""\nshutdown_timeout = 0\n[limits.cpu]\ncount = ""\n');
  const config = await d.load({ settings: { image: '' } });
  assert.equal(config.get('container.image'), 'mine');
  assert.equal(config.get('container.shutdown_timeout'), 5);
  assert.equal(config.get('limits.cpu.count'), '2');
});

test('an explicit false counts', async t => {
  const d = await desk(t);
  await d.user('[container]\npersistent = true\ndocker = true\n[paths]\npreserve_workspace_path = true\n');
  await d.project('[container]\npersistent = false\ndocker = false\n');
  const config = await d.load({ settings: { preserveWorkspacePath: false } });
  assert.equal(config.get('container.persistent'), false);
  assert.equal(config.get('container.docker'), false);
  assert.equal(config.get('paths.preserve_workspace_path'), false);
});

test('lists and tables meet as each key wants it', async t => {
  const d = await desk(t);
  await d.user(`
[defaults]
forward_env = ["A", "B"]
environment = { ONE = "1", TWO = "2" }
[security]
secret_paths = [".env"]
additional_protected_paths = ["a"]
[network]
allowed_domains = ["one.test"]
[[mounts]]
host = "~/data"
container = "/data/"
readonly = true
[[ports.map]]
name = "web"
container = 80
host = 8080
`);
  const configFile = await d.file(
    'extra/coi.toml',
    `
[defaults]
forward_env = ["B", "C"]
environment = { TWO = "zwei", EMPTY = "" }
[security]
secret_paths = ["*.pem", ".env"]
additional_protected_paths = ["b"]
[network]
allowed_domains = []
[[mounts.default]]
host = "$HOME/more"
container = "/more"
shift = false
[[ports.map]]
name = "web"
container = 81
[[ports.map]]
name = "db"
container = 5432
`,
  );
  const config = await d.load({ configFile });
  assert.deepEqual(lines(config.problems), []);
  assert.deepEqual(config.get('defaults.forward_env'), ['A', 'B', 'C']);
  assert.deepEqual(config.get('defaults.environment'), { ONE: '1', TWO: 'zwei', EMPTY: '' });
  assert.deepEqual(config.get('security.secret_paths'), ['.env', '*.pem']);
  assert.deepEqual(config.get('security.additional_protected_paths'), ['a', 'b']);
  assert.deepEqual(config.get('network.allowed_domains'), []);
  assert.deepEqual(config.get('mounts'), [
    { host: `${d.home}/data`, container: '/data', readonly: true },
    { host: `${d.home}/more`, container: '/more', readonly: false, shift: false },
  ]);
  assert.deepEqual(config.get('ports.map'), [
    { name: 'web', container: 81, host: 0, listen: '127.0.0.1' },
    { name: 'db', container: 5432, host: 0, listen: '127.0.0.1' },
  ]);
});

test('settings of the editor reach their keys, and wrong ones are told', async t => {
  const d = await desk(t);
  const settings = {
    agent: 'codex',
    profile: 'hardened',
    maxSlots: 20,
    stopTimeout: 7,
    permissionMode: 'interactive',
    storagePool: 'fast',
    environment: { A: '1' },
    forwardEnv: ['B'],
    network: 'allowlist',
    'claude.model': 'opus',
    'claude.effort': 'high',
    notifications: 'off',
    docker: 'yes',
  };
  const config = await d.load({ settings });
  assert.equal(config.get('tool.name'), 'codex');
  assert.equal(config.profile, 'hardened');
  assert.equal(config.get('maxSlots'), 20);
  assert.equal(config.get('container.shutdown_timeout'), 7);
  assert.equal(config.get('tool.permission_mode'), 'interactive');
  assert.equal(config.get('container.storage_pool'), 'fast');
  assert.deepEqual(config.get('defaults.environment'), { A: '1' });
  assert.deepEqual(config.get('defaults.forward_env'), ['B']);
  assert.equal(config.get('network.mode'), 'allowlist');
  assert.equal(config.get('tool.claude.model'), 'opus');
  assert.equal(config.get('tool.claude.effort_level'), 'high');
  assert.deepEqual(
    config.problems.map(problem => [problem.path, problem.severity, problem.message]),
    [['settings.json', 'error', 'incusAgents.docker must be true or false, not a string.']],
  );
  assert.throws(() => config.requireValid(), { kind: 'config', message: /settings\.json:1:1: incusAgents\.docker/ });
});

test('agents are declared by the user, and completed by a later layer', async t => {
  const d = await desk(t);
  await d.user(`
[agents.mine]
command = ["mine", "--chat"]
resume_command = ["mine", "--resume", "{id}"]
state_dir = ".mine"
environment = { MINE_MODE = "quiet" }
[agents.mine.credentials]
source = "secret"
secret = "mine.key"
variable = "MINE_KEY"
`);
  await d.profile('loud', '[agents.mine]\nenvironment = { MINE_COLOUR = "red" }\n');
  const config = await d.load({ profile: 'loud' });
  assert.deepEqual(lines(config.problems), []);
  assert.deepEqual(config.get('agents').mine, {
    command: ['mine', '--chat'],
    resume_command: ['mine', '--resume', '{id}'],
    state_dir: '.mine',
    environment: { MINE_MODE: 'quiet', MINE_COLOUR: 'red' },
    credentials: { source: 'secret', secret: 'mine.key', variable: 'MINE_KEY', names: [], directory: '' },
  });
});

test('hosts that were allowed for a workspace are added to those that hold without them', async t => {
  const d = await desk(t);
  const file = additionsFile(d.home);
  await d.user('[network]\nallowed_domains = ["user.example"]\n');
  await d.project('[network]\nallowed_domains = ["project.example"]\n');
  await addAllowedHosts(d.home, d.workspace, ['one.example']);
  await addAllowedHosts(d.home, '/elsewhere', ['two.example']);
  assert.deepEqual(await addAllowedHosts(d.home, d.workspace, ['three.example:22', 'one.example']), [
    'one.example',
    'three.example:22',
  ]);
  const config = await d.load();
  assert.deepEqual(config.get('network.allowed_domains'), ['user.example', 'one.example', 'three.example:22']);
  const { kind, path, line } = config.origin('network.allowed_domains');
  assert.deepEqual([kind, path], ['file', file]);
  assert.match((await readFile(file, 'utf8')).split('\n')[(line ?? 0) - 1] ?? '', /one\.example/);
  // What the project asks for besides is still a question.
  assert.deepEqual(
    config.gated.map(item => item.what),
    ['Reach "project.example"'],
  );
  const bare = await d.load({ workspace: '/elsewhere' });
  assert.ok(bare.get('network.allowed_domains').includes('two.example'));
});

test('what is wrong in the file of allowed hosts is told, and it is not overwritten', async t => {
  const d = await desk(t);
  await d.file(
    'home/.coi/incus-agents/workspaces.toml',
    `[workspaces."${d.workspace}".network]\nallowed_domains = ["a b"]\n`,
  );
  const config = await d.load();
  assert.match(lines(config.problems)[0] ?? '', /^error 2:20 network\.allowed_domains\.0 must be a host/);
  assert.deepEqual(config.origin('network.allowed_domains'), { kind: 'default' });
  await d.file('home/.coi/incus-agents/workspaces.toml', 'broken = \n');
  await assert.rejects(addAllowedHosts(d.home, d.workspace, ['one.example']), { kind: 'config' });
});

test('what a caller does to a value does not change the configuration', async t => {
  const config = await (await desk(t)).load();
  config.get('network.allowed_domains').push('evil.test');
  assert.ok(!config.get('network.allowed_domains').includes('evil.test'));
});

test('an aborted load throws', async t => {
  await assert.rejects((await desk(t)).load({ signal: AbortSignal.abort() }), { name: 'AbortError' });
});
