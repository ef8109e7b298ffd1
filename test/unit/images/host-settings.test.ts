import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { settingsFiles } from '../../../server/images/settings-files.ts';
import { readHostSettings } from '../../../server/registries/settings.ts';

const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** A host's files below a directory of their own. */
async function host(t: TestContext, files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'ia-host-'));
  t.after(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

const DEBIAN = `# a comment

Types: deb deb-src
URIs: http://mirror.example.org/debian/
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://other.example.org/debian
Suites: bookworm-backports
Components: main
`;

test('the mirror of a Debian host is found in its stanzas', async t => {
  const root = await host(t, {
    'etc/os-release': 'NAME="Debian"\nID=debian\n',
    'etc/apt/sources.list.d/debian.sources': DEBIAN,
  });
  assert.deepEqual((await readHostSettings(join(root, 'home'), root)).mirror, {
    distribution: 'debian',
    main: 'http://mirror.example.org/debian/',
    security: 'http://mirror.example.org/debian-security',
  });
});

test('the mirror of an Ubuntu host is found in lines; what a container cannot reach is none', async t => {
  const root = await host(t, {
    'etc/os-release': 'ID=ubuntu\n',
    'etc/apt/sources.list':
      '# deb http://no.example.org/ubuntu noble main\n' +
      'deb file:/cdrom noble main\n' +
      'deb http://localhost:3142/ubuntu noble main\n' +
      'deb [arch=amd64 signed-by=/k] https://near.example.org/ubuntu noble main\n',
  });
  assert.deepEqual((await readHostSettings(join(root, 'home'), root)).mirror, {
    distribution: 'ubuntu',
    main: 'https://near.example.org/ubuntu',
  });
  const none = await host(t, { 'etc/os-release': 'ID=fedora\n' });
  assert.equal((await readHostSettings(join(none, 'home'), none)).mirror, undefined);
});

test('proxies and certificates are taken along, tokens and passwords are not', async t => {
  const root = await host(t, {
    'etc/apt/apt.conf.d/50proxy':
      'Acquire::http::Proxy "http://proxy.example.org:3128";\nAcquire::https::Proxy "http://me:pw@proxy.example.org";\n',
    'etc/apt/apt.conf.d/99dates':
      'Acquire::Check-Valid-Until "false";\nAPT::Update::Post-Invoke { "touch /tmp/x"; };\n',
    'home/.npmrc':
      '; mine\nregistry=https://npm.example.org/\n@team:registry = https://team.example.org\n' +
      '//npm.example.org/:_authToken=npm_secret\n_auth=c2VjcmV0\nhttps-proxy=http://me:pw@proxy.example.org\nproxy=$' +
      '{PROXY}\n',
  });
  await writeFile(join(root, 'ca.pem'), CERTIFICATE);
  await mkdir(join(root, 'etc'), { recursive: true });
  await writeFile(join(root, 'etc/npmrc'), `cafile=${join(root, 'ca.pem')}\nregistry=https://weaker.example.org/\n`);
  const settings = await readHostSettings(join(root, 'home'), root);
  const files = settingsFiles(settings, { QUOTE: "it's" });
  const all = [...files.values()].join('\n');
  assert.doesNotMatch(all, /secret|_auth|pw@|\$\{PROXY|touch/);
  assert.match(files.get('apt.conf') ?? '', /Acquire::http::Proxy "http:\/\/proxy\.example\.org:3128";/);
  assert.match(files.get('apt.conf') ?? '', /Check-Valid-Until "false";/);
  assert.match(files.get('npmrc') ?? '', /^registry=https:\/\/npm\.example\.org\/$/m);
  assert.match(files.get('npmrc') ?? '', /^@team:registry=https:\/\/team\.example\.org$/m);
  assert.equal(files.get('certificates.pem'), CERTIFICATE);
  assert.match(files.get('environment') ?? '', /^QUOTE='it'\\''s'$/m);
});
