import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SCHEMA } from '../../../server/config/schema.ts';
import { desk, lines } from './harness.ts';

test('a broken file is told with its place, and the rest is still read', async t => {
  const d = await desk(t);
  const path = await d.user('[container]\nimage = "x"\nimage = \n');
  await d.project('[timezone]\nmode = "utc"\n');
  const config = await d.load();
  assert.equal(config.get('timezone.mode'), 'utc');
  assert.equal(config.problems.length, 1);
  const [problem] = config.problems;
  assert.deepEqual([problem?.path, problem?.line, problem?.severity], [path, 3, 'error']);
  assert.match(problem?.message ?? '', /^Invalid TOML: /);
  assert.throws(
    () => config.requireValid(),
    (error: Error & { kind?: string }) => error.kind === 'config' && error.message.includes(`${path}:3:`),
  );
});

test('keys that are not known are told where they are, with what was probably meant', async t => {
  const d = await desk(t);
  await d.user('colour = "red"\nimage = "x"\nnetwork = 3\n');
  assert.deepEqual(lines((await d.load()).problems), [
    'warning 1:1 colour is not a known key.',
    'warning 2:1 image is not a known key. Did you mean container.image?',
    'error 3:1 network must be a table.',
  ]);
});

test('each wrong value has its own place', async t => {
  const d = await desk(t);
  await d.user(`[container]
imagee = "x"
  persistent = "yes"
shutdown_timeout = 1.5
image = "-rm"
[container.build]
commands = ["ok", 3]
[limits.memory]
limit = "much"
[[mounts]]
host = "/a"
container = "b"
wrong = 1
[[mounts]]
container = "/b"
[defaults]
environment = { "a b" = "1", FINE = 2 }
`);
  const config = await d.load();
  assert.deepEqual(lines(config.problems), [
    'warning 2:1 container.imagee is not a known key. Did you mean container.image?',
    'error 3:3 container.persistent must be true or false, not a string.',
    'error 4:1 container.shutdown_timeout must be a whole number, 0 to 86400.',
    'error 5:1 container.image must be the name of an image.',
    'error 7:19 container.build.commands.1 must be a command, not a number.',
    'error 9:1 limits.memory.limit must be a size such as "2GiB" or "50%".',
    'error 12:1 mounts.0.container must be an absolute path inside the container.',
    'error 13:1 mounts.0.wrong is not known here.',
    "error 14:3 mounts.1 needs 'host'.",
    'error 17:17 defaults.environment.a b must be named as a variable.',
    'error 17:30 defaults.environment.FINE must be text in quotes, not a number.',
  ]);
  assert.equal(config.get('container.persistent'), false);
  assert.deepEqual(config.get('mounts'), []);
  assert.throws(() => config.requireValid(), /… and 7 more\./);
});

test('an unknown preset has its place, and a key that is not needed says so', async t => {
  const d = await desk(t);
  await d.user('[network]\nrefresh_interval_minutes = 5\npresets = ["npm", "cargo"]\n');
  assert.deepEqual(lines((await d.load()).problems), [
    'info 2:1 network.refresh_interval_minutes is known to coi; not needed here: allowed names are looked up for every connection.',
    'error 3:19 network.presets.1 must be one of "npm", "pip", "apt".',
  ]);
});

test('a credential is a bundle or a file', async t => {
  const d = await desk(t);
  await d.user('[[credentials]]\nbundle = "gh"\nhost = "/a"\n[[credentials]]\nhost = "/a"\n');
  assert.deepEqual(lines((await d.load()).problems), [
    "error 1:3 credentials.0 needs either 'bundle', or 'host' and 'container'.",
    "error 4:3 credentials.1 needs either 'bundle', or 'host' and 'container'.",
  ]);
});

test('what coi knows and nothing here uses is said so', async t => {
  const d = await desk(t);
  await d.user('[monitoring]\nenabled = true\n[monitoring.nft]\nenabled = true\n');
  const config = await d.load();
  assert.deepEqual(lines(config.problems), [
    'info 2:1 monitoring.enabled is known to coi; not used by Incus Agents yet.',
    'info 4:1 monitoring.nft.enabled is known to coi; not used by Incus Agents yet.',
  ]);
  config.requireValid();
  await d.user(
    '[tool]\ncontext_json = true\ncontext_json_file = "/x"\n[prompts]\na = "b"\n[git]\nreadonly = true\nstrip_attribution = true\nprotected_branches = ["main"]\n',
  );
  assert.deepEqual(lines((await d.load()).problems), [
    'info 2:1 tool.context_json is known to coi; not used here: the agent is told in words alone.',
    'info 3:1 tool.context_json_file is known to coi; not used here: the agent is told in words alone.',
    'info 4:2 prompts is known to coi; not used by Incus Agents yet.',
    'info 7:1 git.readonly is known to coi; not used here: no hooks are put into the git of a container.',
    'info 8:1 git.strip_attribution is known to coi; not used here: no hooks are put into the git of a container.',
    'info 9:1 git.protected_branches is known to coi; not used here: no hooks are put into the git of a container.',
  ]);
});

test('each key is used or says that it is not', () => {
  const server = join(import.meta.dirname, '../../../server');
  const sources = readdirSync(server, { recursive: true, encoding: 'utf8' })
    // In config/ every key has its name; what is read there is the profile.
    .filter(path => path.endsWith('.ts') && (!path.startsWith('config/') || path === 'config/load.ts'))
    .map(path => readFileSync(join(server, path), 'utf8'));
  const silent = [...SCHEMA.values()]
    .filter(({ key, unused }) => unused === false && !sources.some(text => text.includes(`'${key}'`)))
    .map(({ key }) => key);
  assert.deepEqual(silent, []);
});

test('a part of a value that has no effect says so, also in a profile', async t => {
  const d = await desk(t);
  const mounts = (key: string) =>
    ['true', 'false'].map(shift => `[[${key}]]\nhost = "~/a"\ncontainer = "/${shift}"\nshift = ${shift}\n`).join('');
  const said = 'mounts.shift is known to coi; not used here: owners are mapped by raw.idmap, as for the workspace.';
  await d.user(`${mounts('mounts')}[defaults]\nprofile = "p"\n`);
  await d.profile('p', mounts('mounts.default'));
  assert.deepEqual(lines((await d.load()).problems), [`info 4:1 ${said}`, `info 4:1 ${said}`]);
});

test('places and names of earlier versions are read, and told', async t => {
  const d = await desk(t);
  const machine = await d.file('etc/config.toml', '[defaults]\nimage = "old"\npersistent = true\n');
  await d.file('work/.coi.toml', '[build]\nbase = "debian"\n');
  await d.user('[profiles.rust]\nimage = "coi-rust"\nenvironment = { RUST_BACKTRACE = "1" }\n');
  const config = await d.load({ profile: 'rust' });
  assert.equal(config.get('container.image'), 'coi-rust');
  assert.equal(config.get('container.persistent'), true);
  assert.equal(config.get('container.build.base'), 'debian');
  assert.deepEqual(config.get('defaults.environment'), { RUST_BACKTRACE: '1' });
  assert.deepEqual(config.origin('container.persistent'), { kind: 'file', path: machine, line: 3 });
  const told = lines(config.problems);
  assert.equal(told.filter(one => one.startsWith('warning')).length, told.length);
  for (const part of [
    `1:1 Current coi versions do not read this place; move it to ${d.home}/.coi/config.toml.`,
    '2:1 defaults.image is the old name of container.image',
    '3:1 defaults.persistent is the old name of container.persistent',
    '1:1 Current coi versions refuse to start with this file',
    '2:1 build.base is the old name of container.build.base',
    '1:2 Current coi versions read profiles from .coi/profiles/NAME/config.toml only',
    '2:1 image is the old name of container.image',
  ])
    assert.ok(
      told.some(one => one.includes(part)),
      `${part} is missing in\n${told.join('\n')}`,
    );
});

test('hostile text is only text', async t => {
  const d = await desk(t);
  await d.user('[defaults.environment]\n__proto__ = "x"\nconstructor = "y"\n');
  await d.project(`${'a.'.repeat(5000)}b = 1\n`);
  const config = await d.load();
  assert.deepEqual(Object.entries(config.get('defaults.environment')), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  assert.equal(({} as Record<string, unknown>).x, undefined);
  assert.ok(config.problems.length > 0);
});

test('a file that is not text, or nests without end, is told', async t => {
  const d = await desk(t);
  await d.user(`x = ${'['.repeat(20000)}`);
  await d.project('');
  await d.file('work/.coi.toml', Buffer.from([0x61, 0xff, 0xfe]));
  const told = lines((await d.load()).problems);
  assert.ok(told.some(one => one.startsWith('error') && one.includes('UTF-8')));
  assert.equal(told.filter(one => one.startsWith('error')).length, 2);
});
