import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { defaultBase, remoteSource } from '../../../server/images/base.ts';
import { parseRemotes, readRemotes } from '../../../server/images/remotes.ts';

const CONFIG = `default-remote: local
remotes:
  local:
    addr: unix://
    protocol: incus
  mine:
    addr: "https://images.example.org:8443"
    protocol: simplestreams
    public: true
  team:
    addr: https://incus.example.org
    public: true
aliases:
  other: exec
`;

test('remotes are read from the configuration of the Incus client', () => {
  assert.deepEqual(
    [...parseRemotes(CONFIG)],
    [
      ['local', { addr: 'unix://', protocol: 'incus' }],
      ['mine', { addr: 'https://images.example.org:8443', protocol: 'simplestreams' }],
      ['team', { addr: 'https://incus.example.org', protocol: 'incus' }],
    ],
  );
  assert.equal(parseRemotes('').size, 0);
});

test("the user's own remote wins over one of the same name; without a configuration the known ones are there", async t => {
  const home = await mkdtemp(join(tmpdir(), 'ia-remotes-'));
  t.after(() => rm(home, { recursive: true }));
  const without = await readRemotes(home, join(home, 'none'));
  assert.equal(without.get('images')?.protocol, 'simplestreams');
  await mkdir(join(home, '.config/incus'), { recursive: true });
  await writeFile(
    join(home, '.config/incus/config.yml'),
    'remotes:\n  images:\n    addr: https://mirror.example.org\n    protocol: simplestreams\n',
  );
  assert.equal((await readRemotes(home, join(home, 'none'))).get('images')?.addr, 'https://mirror.example.org');
});

test('a base is a remote with an alias, or an address with one', () => {
  const remotes = parseRemotes(CONFIG);
  const simplestreams = { protocol: 'simplestreams' as const, alias: 'debian/12' };
  assert.deepEqual(remoteSource('mine:debian/12', remotes), {
    server: 'https://images.example.org:8443',
    ...simplestreams,
  });
  assert.deepEqual(remoteSource('https://other.example.org:8443/path:debian/12', remotes), {
    server: 'https://other.example.org:8443/path',
    ...simplestreams,
  });
  assert.deepEqual(remoteSource('team:base', remotes), {
    server: 'https://incus.example.org',
    protocol: 'incus',
    alias: 'base',
  });
});

test('a base that cannot be found says what to do', () => {
  const remotes = parseRemotes(CONFIG);
  const failure = (name: string) => {
    try {
      remoteSource(name, remotes);
    } catch (error) {
      assert.ok(error instanceof Failure);
      assert.ok(error.hint);
      return error.kind;
    }
    return assert.fail(`${name} was taken`);
  };
  assert.equal(failure('no-such-image'), 'not-found');
  assert.equal(failure('debian/12'), 'not-found');
  assert.equal(failure('nowhere:debian/12'), 'not-found');
  assert.equal(failure('local:gone'), 'not-found');
  assert.equal(failure('http://insecure.example.org:debian/12'), 'not-found');
});

test('a host of Ubuntu builds from Ubuntu, others from Debian', () => {
  assert.match(defaultBase('ubuntu'), /^images:ubuntu\//);
  assert.match(defaultBase('fedora'), /^images:debian\//);
  assert.match(defaultBase(undefined), /^images:debian\//);
});
