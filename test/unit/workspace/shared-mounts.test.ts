import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { type MountWish, planSharedMounts, type SharedMountOptions } from '../../../server/workspace/shared-mounts.ts';
import type { Workspace } from '../../../server/workspace/types.ts';

const root = await mkdtemp(join(tmpdir(), 'ia-mounts-'));
after(() => rm(root, { recursive: true, force: true }));
const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
for (const dir of ['home/.coi', 'home/.ssh', 'ws/.git/hooks', 'ws/sub', 'ws/cache', 'data', 'other/out'])
  await mkdir(`${root}/${dir}`, { recursive: true });
await writeFile(`${root}/data/file`, 'text');
const ws: Workspace = { path: `${root}/ws`, real: `${root}/ws`, identity: '1:2', uid, gid, rootOwned: uid === 0 };

const options: SharedMountOptions = {
  container: 'coi-00000000-1',
  project: 'default',
  home: `${root}/home`,
  stateDirs: [`${root}/home/.coi`, '/var/lib/incus'],
  hostile: [`${root}/other`],
  taken: [{ path: '/home/code/.claude/projects' }],
  homeInside: '/home/code',
  ownInside: '/home/code/.incus-agents',
  preserve: false,
  protection: { protectedPaths: ['.git/hooks', '.vscode'], secretPaths: ['sub/.env'] },
  hooks: true,
};

const wish = (host: string, container = '/data', readonly = false): MountWish => ({ host, container, readonly });
const plan = (wishes: MountWish[], more: Partial<SharedMountOptions> = {}) =>
  planSharedMounts(ws, wishes, { ...options, ...more });

async function refused(kind: string, message: RegExp, wishes: MountWish[], more: Partial<SharedMountOptions> = {}) {
  await assert.rejects(plan(wishes, more), error => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    assert.ok(error.hint, 'a next step');
    return true;
  });
}

test('a folder and a file are mounted, and held to what was looked at', async () => {
  await symlink(`${root}/data`, `${root}/home/link`);
  const { mounts, fragment, notes } = await plan([wish(`${root}/home/link`), wish(`${root}/data/file`, '/f', true)]);
  assert.deepEqual(mounts, [
    { device: 'mount-0', source: `${root}/data`, path: '/data' },
    { device: 'mount-1', source: `${root}/data/file`, path: '/f', readonly: true, file: true },
  ]);
  assert.match(fragment.config?.['raw.lxc'] ?? '', /^lxc\.hook\.pre-start = .*disk\.mount--0\.data' '\d+:\d+'/);
  assert.deepEqual(notes, []);
  assert.deepEqual(await plan([]), { mounts: [], fragment: {}, notes: [] });
});

test('what belongs to the system, to Incus or to us is never shared', async () => {
  for (const path of ['/', '/etc', '/etc/ssl', '/usr/share', '/proc/1', '/dev', '/run', '/var/lib/incus', '/home'])
    await refused('config', /cannot be mounted: /, [wish(path, '/data', true)]);
  for (const path of ['home', 'home/.coi', ''])
    await refused('config', /cannot be mounted: /, [wish(join(root, path), '/data', true)]);
  await symlink('/etc', `${root}/home/innocent`);
  await refused('config', /operating system/, [wish(`${root}/home/innocent`)]);
});

test('what is not there, or nothing to be mounted, is said', async () => {
  await refused('not-found', /does not exist/, [wish(`${root}/missing`)]);
  const server = createServer();
  await new Promise<void>(done => server.listen(`${root}/data/socket`, done));
  await refused('config', /socket/, [wish(`${root}/data/socket`)]);
  server.close();
});

test('a link that an agent may have made is not followed, the user’s own are', async () => {
  await symlink(`${root}/home/.ssh`, `${root}/ws/cache/keys`);
  await symlink(`${root}/home/.ssh`, `${root}/other/keys`);
  for (const path of ['ws/cache/keys', 'other/keys']) await refused('isolation', /agent/, [wish(`${root}/${path}`)]);
  await symlink(`${root}/home/.ssh`, `${root}/data/keys`);
  await plan([wish(`${root}/data/keys`)]);
  // Now an agent can write where the link is.
  await refused('isolation', /agent/, [wish(`${root}/data`), wish(`${root}/data/keys`, '/keys', true)]);
});

test('a mount is no way around protected and secret paths', async () => {
  await refused('config', /protected path/, [wish(`${root}/ws/.git`)]);
  await refused('config', /protected path/, [wish(`${root}/ws/.git/hooks`)]);
  await refused('config', /secret path/, [wish(`${root}/ws/sub`, '/data', true)]);
  await refused('config', /secret path/, [wish(`${root}/ws`, '/data', true)]);
  await plan([wish(`${root}/ws/.git`, '/data', true), wish(`${root}/ws/cache`, '/cache')]);
  await refused('config', /agents can write/, [wish(`${root}/ws/cache`)], { hooks: false });
});

test('a place inside that is taken or not fit is refused', async () => {
  for (const path of [
    '/',
    '/etc',
    '/usr/lib',
    '/home/code',
    '/workspace',
    '/workspace/sub',
    '/home/code/.incus-agents',
  ])
    await refused('config', /inside/, [wish(`${root}/data`, path)]);
  for (const path of ['/home/code/.claude', '/home/code/.claude/projects/x'])
    await refused('config', /session/, [wish(`${root}/data`, path)]);
  await refused('config', /is also where/, [wish(`${root}/data`), wish(`${root}/ws/cache`)]);
  await refused('config', /one in the other/, [wish(`${root}/data`), wish(`${root}/ws/cache`, '/data/x')]);
  await plan([wish(`${root}/data`), wish(`${root}/ws/cache`, '/data/x', true)]);
  await plan([wish(`${root}/data`, '/home/code/.claude/skills', true)]);
});

test('files of another owner are said to belong to nobody', { skip: uid !== 0 }, async () => {
  await mkdir(`${root}/foreign`);
  await chown(`${root}/foreign`, 4321, 4321);
  const { mounts, notes } = await plan([wish(`${root}/foreign`)]);
  assert.equal(mounts[0]?.foreign, true);
  assert.match(notes[0] ?? '', /belong to nobody/);
});
