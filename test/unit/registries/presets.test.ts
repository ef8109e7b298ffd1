import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hostOf, type Preset, type PresetHosts, presetHosts } from '../../../server/registries/hosts.ts';

/** A machine's files, with a home and a workspace, below a directory of their own. */
async function machine(t: TestContext, files: Record<string, string>) {
  const root = await mkdtemp(join(tmpdir(), 'ia-presets-'));
  t.after(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries({ 'home/.keep': '', 'work/.keep': '', ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const places = { home: join(root, 'home'), workspace: join(root, 'work'), root };
  return { root, read: (preset: Preset): Promise<PresetHosts> => presetHosts(preset, places) };
}

test('the hosts of npm are those of its registry and of its scopes, and nothing else of the addresses', async t => {
  const { read } = await machine(t, {
    'home/.npmrc':
      'registry=https://me:secret@npm.example.org/path/?token=secret\n@team:registry = "http://team.example.org:4873"\n' +
      '//npm.example.org/:_authToken=npm_secret\n; registry=https://no.example.org\nproxy=http://proxy.example.org\n' +
      'prefix=$' +
      '{HOME}/.npm-global\n',
    'home/.npm-global/etc/npmrc': '@other:registry=https://other.example.org/\nregistry=https://weaker.example.org/\n',
    'etc/npmrc': '@machine:registry=https://machine.example.org/\n',
    'work/.npmrc': 'registry=https://project.example.org/\n',
  });
  const { hosts, refused } = await read('npm');
  assert.deepEqual(hosts.sort(), [
    'machine.example.org:443',
    'npm.example.org:443',
    'other.example.org:443',
    'team.example.org:4873',
  ]);
  assert.deepEqual(refused, []);
});

test('the hosts of pip are those of its indexes, each from the strongest file that has it', async t => {
  const { read } = await machine(t, {
    'etc/pip.conf':
      '[global]\nindex-url = https://weaker.example.org/simple\nextra-index-url =\n  https://one.example.org/simple\n' +
      '  # not this one: https://no.example.org\n  http://u:secret@two.example.org:8080/simple\n',
    'home/.config/pip/pip.conf':
      '[global]\nindex_url: https://pip.example.org/simple\ntrusted-host = trusted.example.org\n\n[install]\n' +
      'extra-index-url = https://three.example.org/simple\n',
    'work/pip.conf': '[global]\nindex-url = https://project.example.org/simple\n',
  });
  assert.deepEqual((await read('pip')).hosts.sort(), [
    'one.example.org:443',
    'pip.example.org:443',
    'three.example.org:443',
    'two.example.org:8080',
  ]);
});

test('the hosts of apt are those of both forms of its sources, and of its lists of mirrors', async t => {
  const { read } = await machine(t, {
    'etc/apt/sources.list':
      '# deb http://no.example.org/debian trixie main\n' +
      'deb [arch=amd64 signed-by=/etc/keys/a.gpg] http://one.example.org/debian trixie main\ndeb cdrom:[Debian]/ trixie main\n',
    'etc/apt/sources.list.d/more.list': 'deb file:/srv/debian trixie main\ndeb https://two.example.org/ ./\n',
    'etc/apt/sources.list.d/other.sources':
      'types: deb\nuris: https://three.example.org/a\n https://four.example.org/b\nSuites: trixie\nSigned-By:\n -----BEGIN\n .\n x\n \n' +
      'Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: trixie\n\n' +
      'Enabled: no\nTypes: deb\nURIs: https://off.example.org\nSuites: trixie\n',
    'etc/apt/sources.list.d/kept.list.disabled': 'deb https://disabled.example.org trixie main\n',
    'etc/apt/mirrors/debian.list': '# https://no.example.org\nhttps://five.example.org/debian/\tpriority:1\n',
  });
  assert.deepEqual((await read('apt')).hosts.sort(), [
    'five.example.org:443',
    'four.example.org:443',
    'one.example.org:80',
    'three.example.org:443',
    'two.example.org:443',
  ]);
});

test('a client that is not configured has no host at all', async t => {
  const { read } = await machine(t, {
    'home/.npmrc': '//npm.example.org/:_authToken=x\n',
    'etc/pip.conf': '[global]\n',
  });
  for (const preset of ['npm', 'pip', 'apt'] as const) assert.deepEqual(await read(preset), { hosts: [], refused: [] });
});

test('what lies in the workspace does not count, wherever a link to it is', async t => {
  const { root, read } = await machine(t, {
    'work/npmrc': 'registry=https://evil.example.org\n',
    'work/pip.conf': '[global]\nindex-url=https://evil.example.org\n',
    'work/etc/npmrc': 'registry=https://evil.example.org\n',
  });
  await symlink('../work/npmrc', join(root, 'home/.npmrc'));
  await mkdir(join(root, 'home/.config'));
  await symlink('../../work', join(root, 'home/.config/pip'));
  assert.deepEqual(await read('npm'), { hosts: [], refused: [`${root}/home/.npmrc lies in the workspace`] });
  assert.deepEqual(await read('pip'), {
    hosts: [],
    refused: [`${root}/home/.config/pip/pip.conf lies in the workspace`],
  });
  await rm(join(root, 'home/.npmrc'));
  await writeFile(join(root, 'home/.npmrc'), `prefix=${root}/work\n`);
  assert.deepEqual((await read('npm')).hosts, []);
});

test('what is no host that a slot can reach is refused without being repeated', async t => {
  const hostile = [
    'https://*.example.org/',
    'https://exa~mple.org/',
    'https://a,b.example.org/',
    'https://$' + '{HOST}/',
    'https://localhost:4873/',
    'http://0x7f.1/',
    'http://[::1]/',
    'ftp://example.org/',
    'file:///srv',
    'example.org',
    'https://under_score.example.org/',
    'https://-a.example.org/',
    `https://${'a'.repeat(64)}.example.org/`,
  ];
  for (const address of hostile) assert.equal(hostOf(address), undefined, address);
  assert.equal(hostOf('https://EXAMPLE.org./x'), undefined);
  assert.equal(hostOf('https://BÜCHER.example'), 'xn--bcher-kva.example:443');
  assert.equal(hostOf('https://127.example.org/'), '127.example.org:443');
  assert.equal(hostOf('http://203.0.113.77/'), '203.0.113.77:80');
  const { root, read } = await machine(t, { 'home/.npmrc': 'registry=https://localhost/?key=secret\n' });
  const { hosts, refused } = await read('npm');
  assert.deepEqual(hosts, []);
  assert.deepEqual(refused, [`an address in ${root}/home/.npmrc has no host that a slot can reach`]);
});
