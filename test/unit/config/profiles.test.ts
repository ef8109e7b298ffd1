import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desk, lines } from './harness.ts';

test('a profile is chosen by the launch, else by the setting, else by the file', async t => {
  const d = await desk(t);
  for (const name of ['one', 'two', 'three']) await d.profile(name, `[container]\nimage = "${name}"\n`);
  await d.user('[defaults]\nprofile = "one"\n');
  assert.equal((await d.load()).get('container.image'), 'one');
  const settings = { profile: 'two' };
  assert.equal((await d.load({ settings })).get('container.image'), 'two');
  const config = await d.load({ settings, profile: 'three' });
  assert.equal(config.get('container.image'), 'three');
  assert.equal(config.profile, 'three');
  assert.deepEqual(
    config.profiles.map(profile => profile.name),
    ['default', 'hardened', 'one', 'three', 'two'],
  );
});

test('keys at the root of a profile, its context, and what does not belong there', async t => {
  const d = await desk(t);
  const path = await d.profile(
    'p',
    'forward_env = ["A"]\nenvironment = { B = "1" }\nenv_command_timeout = "5s"\ncontext = "notes.md"\n',
  );
  const config = await d.load({ profile: 'p' });
  assert.deepEqual(lines(config.problems), []);
  assert.deepEqual(config.get('defaults.forward_env'), ['A']);
  assert.deepEqual(config.get('defaults.environment'), { B: '1' });
  assert.equal(config.get('defaults.env_command_timeout'), '5s');
  assert.equal(config.get('context'), path.replace('config.toml', 'notes.md'));
  assert.deepEqual(config.origin('defaults.environment'), { kind: 'profile', path, line: 2 });
  await d.profile('bad', '[defaults]\nprofile = "p"\n[container]\ncolour = 1\n');
  assert.deepEqual(lines((await d.load({ profile: 'bad' })).problems), [
    "error 1:2 [defaults] is not part of a profile; its keys belong to the profile's root.",
    'error 4:1 container.colour is not a known key.',
  ]);
});

test('inheriting merges tables, replaces lists, and an empty text takes a variable away', async t => {
  const d = await desk(t);
  await d.user('[[mounts]]\nhost = "/user"\ncontainer = "/user"\n[defaults]\nforward_env = ["USER_VAR"]\n');
  await d.profile(
    'base',
    `
forward_env = ["BASE"]
[environment]
KEEP = "1"
DROP = "2"
CHANGE = "3"
[container]
image = "base"
persistent = true
[network]
allowed_domains = ["a.test"]
[security]
secret_paths = [".env"]
[[mounts]]
host = "/base"
container = "/base"
[ports]
pool = 2
[[ports.map]]
name = "x"
container = 1
`,
  );
  await d.profile(
    'child',
    `
inherits = "base"
forward_env = ["CHILD"]
[environment]
DROP = ""
CHANGE = "4"
OWN_EMPTY = ""
[container]
image = "child"
[network]
mode = "allowlist"
[security]
secret_paths = ["*.pem"]
[[mounts]]
host = "/child"
container = "/child"
[[ports.map]]
name = "y"
container = 2
`,
  );
  const config = await d.load({ profile: 'child' });
  assert.deepEqual(lines(config.problems), []);
  assert.deepEqual(config.get('defaults.environment'), { KEEP: '1', CHANGE: '4', OWN_EMPTY: '' });
  assert.equal(config.get('container.image'), 'child');
  assert.equal(config.get('container.persistent'), true);
  assert.deepEqual(config.get('network.allowed_domains'), ['a.test']);
  assert.deepEqual(config.get('security.secret_paths'), ['.env', '*.pem']);
  assert.deepEqual(config.get('defaults.forward_env'), ['USER_VAR', 'CHILD']);
  assert.deepEqual(
    config.get('mounts').map(mount => mount.host),
    ['/user', '/child'],
  );
  assert.equal(config.get('ports.pool'), 0);
  assert.deepEqual(
    config.get('ports.map').map(port => port.name),
    ['y'],
  );
  assert.equal(config.profiles.find(profile => profile.name === 'child')?.inherits, 'base');
});

test('a built-in profile can be inherited', async t => {
  const d = await desk(t);
  await d.profile('mine', 'inherits = "hardened"\n[limits.runtime]\nmax_duration = "1h"\n');
  const config = await d.load({ profile: 'mine' });
  assert.equal(config.get('limits.runtime.max_duration'), '1h');
  assert.equal(config.get('security.reduce_kernel_surface'), true);
});

test('a cycle, a missing parent and too long a chain are errors of the profile in force', async t => {
  const d = await desk(t);
  await d.profile('a', '\ninherits = "b"\n');
  await d.profile('b', 'inherits = "a"\n');
  const config = await d.load({ profile: 'a' });
  assert.deepEqual(lines(config.problems), ['error 1:1 The profile b inherits from a, which leads back to it.']);
  assert.throws(() => config.requireValid(), { kind: 'config' });
  await d.profile('orphan', '\ninherits = "nobody"\n');
  assert.deepEqual(lines((await d.load({ profile: 'orphan' })).problems), [
    'error 2:1 The profile orphan inherits from "nobody", which is not there.',
  ]);
  for (let level = 0; level <= 11; level++)
    await d.profile(`l${level}`, level === 0 ? '' : `inherits = "l${level - 1}"\n`);
  assert.deepEqual(lines((await d.load({ profile: 'l10' })).problems), []);
  assert.deepEqual(lines((await d.load({ profile: 'l11' })).problems), [
    'error 1:1 More than 10 profiles inherit from one another.',
  ]);
});

test('the same name in two places is an error', async t => {
  const d = await desk(t);
  const mine = await d.profile('p', '');
  await d.profile('p', '', 'work');
  await d.file('extra/profiles/q/config.toml', '');
  await d.profile('q', '', 'work');
  const config = await d.load({ configFile: await d.file('extra/coi.toml', '') });
  const errors = lines(config.problems).filter(one => one.startsWith('error'));
  assert.equal(errors.length, 2);
  assert.ok(errors[0]?.includes(`The profile p is defined twice, here and in ${mine}`));
  assert.throws(() => config.requireValid(), { kind: 'config' });
});

test('an unknown profile is told where it is named', async t => {
  const d = await desk(t);
  const path = await d.user('[defaults]\n\nprofile = "gone"\n');
  const config = await d.load();
  assert.deepEqual(
    config.problems.map(problem => [problem.path, problem.line, problem.message]),
    [[path, 3, 'There is no profile "gone". There are: default, hardened.']],
  );
  const bySetting = await d.load({ settings: { profile: 'away' } });
  assert.equal(bySetting.problems[0]?.path, 'settings.json');
});

test('a broken profile that is not in force is told and holds nothing up', async t => {
  const d = await desk(t);
  await d.profile('broken', '[container\n');
  const config = await d.load();
  assert.equal(config.problems[0]?.severity, 'error');
  config.requireValid();
  await assert.rejects(async () => (await d.load({ profile: 'broken' })).requireValid(), { kind: 'config' });
});

test('hardened is what coi makes it, and does not widen an allow-list', async t => {
  const d = await desk(t);
  await d.user('[security]\nsecret_paths = ["mine"]\n[container]\npersistent = true\n');
  const config = await d.load({ profile: 'hardened' });
  assert.equal(config.get('container.persistent'), false);
  assert.equal(config.get('container.docker'), false);
  assert.equal(config.get('security.reduce_kernel_surface'), true);
  assert.equal(config.get('limits.runtime.max_duration'), '4h');
  assert.equal(config.get('security.secret_paths').length, 17);
  assert.equal(config.get('network.mode'), 'restricted');
  await d.user('[network]\nmode = "allowlist"\n');
  assert.equal((await d.load({ profile: 'hardened' })).get('network.mode'), 'allowlist');
});

test('a project cannot put a profile in the place of a built-in one', async t => {
  const d = await desk(t);
  await d.profile('hardened', '[container]\npersistent = true\n', 'work');
  const config = await d.load({ profile: 'hardened' });
  assert.equal(config.get('security.reduce_kernel_surface'), true);
  assert.match(lines(config.problems).join(), /warning 1:1 The profile hardened is ignored/);
});

test('a project’s profile reaches through inheriting nothing that it must not set', async t => {
  const d = await desk(t);
  await d.profile(
    'wide',
    '[network]\nmode = "open"\n[container]\nsession_name = "mine"\n[[mounts]]\nhost = "/srv"\ncontainer = "/srv"\n',
  );
  await d.profile('theirs', 'inherits = "wide"\n', 'work');
  const config = await d.load({ profile: 'theirs' });
  assert.equal(config.get('network.mode'), 'restricted');
  assert.equal(config.get('container.session_name'), '');
  assert.deepEqual(config.get('mounts'), []);
  assert.equal(config.gated.length, 1);
  assert.equal((await d.load({ profile: 'wide' })).get('network.mode'), 'open');
});

test('a project’s profiles are read up to a bound', async t => {
  const d = await desk(t);
  for (const name of ['a', 'b', 'c']) await d.profile(name, `# ${'x'.repeat(60_000)}\n`, 'work');
  const config = await d.load();
  assert.match(lines(config.problems).join(), /The project's profiles have more than the 131072 bytes allowed/);
  config.requireValid();
});
