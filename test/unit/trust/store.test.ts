import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fingerprint } from '../../../server/trust/coi-store.ts';
import { TrustStore } from '../../../server/trust/store.ts';
import type { TrustRequest } from '../../../server/trust/types.ts';

const WORKSPACE = '/home/u/project';
const SOURCE = `${WORKSPACE}/.coi/config.toml`;

const request = (line: string, more: Partial<TrustRequest> = {}): TrustRequest => ({
  kind: 'mount',
  what: line,
  source: SOURCE,
  line,
  coi: true,
  ...more,
});
const MOUNT = request('mount:"/srv/data"|"/data"|false|shift=unset');
const SOCKET = request('socket:"/run/x.sock"|"/run/x.sock"|"X_SOCK"');
const ROOT_OWNED = request('root-owned:"/home/u/project"', { kind: 'root-owned', source: WORKSPACE, coi: false });
const HOST = request('host:"a.test"', { kind: 'host', coi: false });

async function home(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'incus-agents-trust-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const whats = (items: readonly TrustRequest[]): string[] => items.map(item => item.what);

test('the fingerprint is the one of coi', () => {
  // printf '%s\n' LINES | LC_ALL=C sort | head -c -1 | sha256sum
  const lines = [
    'mount:"/srv/data"|"/data"|false|shift=unset',
    'socket:"/run/x.sock"|"/run/x.sock"|"X_SOCK"',
    'port:"pg"|5432|0|""',
    'port-pool:3',
    'credential:"/home/u/.netrc"|"/home/code/.netrc"|"0600"',
  ];
  const expected = 'f3aaa4a35aea4dcd208e94ba32b3d8e1affcd54a41bcf2cea23d795c0643efc1';
  assert.equal(fingerprint(lines), expected);
  assert.equal(fingerprint(lines.toReversed()), expected);
  assert.notEqual(fingerprint(lines.slice(1)), expected);
  // Go sorts bytes: a character of the basic plane comes before one beyond it, whatever UTF-16 says.
  const sorted = createHash('sha256').update('\uffee\n\u{1f600}').digest('hex');
  assert.equal(fingerprint(['\u{1f600}', '\uffee']), sorted);
});

test('what was approved is approved, in a file as coi writes it', async t => {
  const path = await home(t);
  const store = new TrustStore(path);
  assert.deepEqual(await store.check(WORKSPACE, [MOUNT, SOCKET]), { pending: [MOUNT, SOCKET], approved: [] });
  await store.approve(WORKSPACE, [MOUNT, SOCKET]);
  assert.deepEqual(await store.check(WORKSPACE, [SOCKET, MOUNT]), { pending: [], approved: [SOCKET, MOUNT] });
  const file = join(path, '.coi', 'trust.toml');
  const hash = fingerprint([MOUNT.line, SOCKET.line]);
  assert.equal(await readFile(file, 'utf8'), `[approvals]\n"${SOURCE}" = "${hash}"\n`);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(path, '.coi')), ['trust.toml']);
});

test('an approval that coi wrote is accepted, and one of another set is not', async t => {
  const path = await home(t);
  await mkdir(join(path, '.coi'));
  const text = `[approvals]\n  "${SOURCE}" = "${fingerprint([MOUNT.line])}"\n`;
  await writeFile(join(path, '.coi', 'trust.toml'), text);
  const store = new TrustStore(path);
  assert.deepEqual(whats((await store.check(WORKSPACE, [MOUNT])).approved), [MOUNT.what]);
  assert.deepEqual(whats((await store.check(WORKSPACE, [MOUNT, SOCKET])).pending), [MOUNT.what, SOCKET.what]);
  const changed = request('mount:"/srv/data"|"/data"|true|shift=unset');
  assert.deepEqual((await store.check(WORKSPACE, [changed])).approved, []);
  const elsewhere = { ...MOUNT, source: '/home/u/other/.coi/config.toml' };
  assert.deepEqual((await store.check('/home/u/other', [elsewhere])).approved, []);
});

test('what coi does not know is kept apart, for one workspace', async t => {
  const path = await home(t);
  const store = new TrustStore(path);
  await store.approve(WORKSPACE, [ROOT_OWNED, HOST]);
  assert.deepEqual(await readdir(join(path, '.coi')), ['incus-agents.toml']);
  assert.equal((await stat(join(path, '.coi', 'incus-agents.toml'))).mode & 0o777, 0o600);
  assert.deepEqual((await store.check(WORKSPACE, [ROOT_OWNED, HOST])).pending, []);
  assert.deepEqual((await store.check('/home/u/other', [HOST])).approved, []);
  // What is asked for depends on the profile and the launch.
  const image = request('image:"rust"', { kind: 'image', coi: false });
  assert.deepEqual(await store.check(WORKSPACE, [HOST, image]), { pending: [image], approved: [HOST] });
  // An approval holds for what was shown with it, not for what was asked for earlier.
  await store.approve(WORKSPACE, [image]);
  assert.deepEqual(await store.check(WORKSPACE, [HOST, image]), { pending: [HOST], approved: [image] });
  await store.approve(WORKSPACE, [ROOT_OWNED, HOST]);
  // Each file's requests of each store stand for themselves.
  assert.deepEqual(await store.check(WORKSPACE, [ROOT_OWNED, HOST, MOUNT]), {
    pending: [MOUNT],
    approved: [ROOT_OWNED, HOST],
  });
});

test('whatever else is in the files stays', async t => {
  const path = await home(t);
  await mkdir(join(path, '.coi'));
  const file = join(path, '.coi', 'trust.toml');
  const hash = 'a'.repeat(64);
  await writeFile(
    file,
    `later = true\n[approvals]\n"/x/.coi/config.toml" = "${hash}"\nodd = 3\n[more]\nkept = "yes"\n`,
  );
  await new TrustStore(path).approve(WORKSPACE, [MOUNT]);
  const text = await readFile(file, 'utf8');
  for (const part of ['later = true', `"/x/.coi/config.toml" = "${hash}"`, 'odd = 3', 'kept = "yes"', SOURCE])
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
});

test('revoking takes back all of a workspace, also what it does not ask for at the moment, and nothing of others', async t => {
  const path = await home(t);
  const store = new TrustStore(path);
  const profile = { ...MOUNT, source: `${WORKSPACE}/.coi/profiles/p/config.toml` };
  const outside = { ...MOUNT, source: '/home/u/.coi/profiles/mine/config.toml' };
  const neighbours = ['/home/u/project-2', `${WORKSPACE}/within`];
  const all = [MOUNT, profile, HOST, { ...HOST, source: profile.source }, outside];
  await store.approve(WORKSPACE, all);
  for (const place of neighbours) {
    await store.approve(place, [{ ...MOUNT, source: `${place}/.coi/config.toml` }, HOST]);
  }
  await store.revoke(WORKSPACE, [outside]);
  assert.deepEqual((await store.check(WORKSPACE, all)).approved, []);
  for (const place of neighbours) {
    const asked = [{ ...MOUNT, source: `${place}/.coi/config.toml` }, HOST];
    assert.deepEqual((await store.check(place, asked)).pending, [], place);
  }
});

test('an approval is not kept for what a file asked for before, though nothing else of it is asked', async t => {
  const store = new TrustStore(await home(t));
  const other = { ...HOST, source: `${WORKSPACE}/.coi/profiles/p/config.toml` };
  await store.approve(WORKSPACE, [HOST, other]);
  await store.approve(WORKSPACE, [other]);
  assert.deepEqual(await store.check(WORKSPACE, [HOST, other]), { pending: [HOST], approved: [other] });
});

test('approvals at once lose nothing', async t => {
  const path = await home(t);
  const store = new TrustStore(path);
  const many = Array.from({ length: 20 }, (_, index) => ({ ...MOUNT, source: `/w/${index}/.coi/config.toml` }));
  await Promise.all(many.map(item => store.approve('/w', [item])));
  assert.equal((await store.check('/w', many)).approved.length, 20);
});

test('a broken store approves nothing, says so, and is not written over', async t => {
  const path = await home(t);
  await mkdir(join(path, '.coi'));
  const file = join(path, '.coi', 'trust.toml');
  await writeFile(file, '[approvals\n');
  const store = new TrustStore(path);
  await assert.rejects(store.check(WORKSPACE, [MOUNT]), { kind: 'config', message: /trust\.toml cannot be read/ });
  await assert.rejects(store.approve(WORKSPACE, [MOUNT]), { kind: 'config' });
  assert.equal(await readFile(file, 'utf8'), '[approvals\n');
  assert.deepEqual(await store.check(WORKSPACE, []), { pending: [], approved: [] });
});

test('a store that is a link stays one, and a file that was open to all is closed', async t => {
  const path = await home(t);
  await mkdir(join(path, '.coi'));
  await mkdir(join(path, 'dotfiles'));
  await writeFile(join(path, 'dotfiles', 'trust.toml'), '');
  await chmod(join(path, 'dotfiles', 'trust.toml'), 0o666);
  await symlink(join(path, 'dotfiles', 'trust.toml'), join(path, '.coi', 'trust.toml'));
  const store = new TrustStore(path);
  await store.approve(WORKSPACE, [MOUNT]);
  assert.ok((await lstat(join(path, '.coi', 'trust.toml'))).isSymbolicLink());
  assert.equal((await stat(join(path, 'dotfiles', 'trust.toml'))).mode & 0o777, 0o600);
  assert.deepEqual((await store.check(WORKSPACE, [MOUNT])).pending, []);
});
