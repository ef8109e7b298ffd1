import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { cleanWorkspacePath, resolveWorkspace } from '../../../server/workspace/resolve.ts';

const root = await realpath(await mkdtemp(join(tmpdir(), 'ia-workspace-')));
after(() => rm(root, { recursive: true, force: true }));
const uid = process.getuid?.() ?? 0;
const options = { home: `${root}/home`, stateDirs: [`${root}/home/.coi`, '/var/lib/incus'], uid };
await mkdir(`${root}/home/.coi/sessions-claude`, { recursive: true });
await mkdir(`${root}/home/.ssh`);
await mkdir(`${root}/home/project -x"ü'`);

const refused = (path: string, kind: string, text: RegExp, o = options) =>
  assert.rejects(resolveWorkspace(path, o), error => {
    assert.ok(error instanceof Failure);
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, text);
    assert.ok(error.hint, 'a next step');
    return true;
  });

test('a folder with blanks, quotes and unicode in its name is taken as it is', async () => {
  const path = `${root}/home/project -x"ü'`;
  const ws = await resolveWorkspace(`${path}/./`, options);
  const { dev, ino } = await stat(path);
  assert.deepEqual(ws, {
    path,
    real: path,
    identity: `${dev}:${ino}`,
    uid,
    gid: process.getgid?.(),
    rootOwned: uid === 0,
  });
});

test('a path is cleaned like Go does it, and its symlinks stay', async () => {
  assert.equal(cleanWorkspacePath('/a//b/../c/'), '/a/c');
  assert.equal(cleanWorkspacePath('//'), '/');
  await mkdir(`${root}/target`);
  await symlink(`${root}/target`, `${root}/link`);
  const ws = await resolveWorkspace(`${root}/link`, options);
  assert.equal(ws.path, `${root}/link`);
  assert.equal(ws.real, `${root}/target`);
});

test('what is no folder is refused with its reason', async () => {
  await writeFile(`${root}/file`, '');
  await refused('relative', 'invalid', /not absolute/);
  await refused(`${root}/a\nb`, 'invalid', /line break/);
  await refused(`${root}/a\0b`, 'invalid', /NUL/);
  await refused(`${root}/missing`, 'not-found', /does not exist/);
  await refused(`${root}/file`, 'invalid', /not a directory/);
});

test('system directories, the home and our own state are refused', async () => {
  for (const path of ['/', '/etc', '/etc/ssh', '/usr/local', '/bin', '/proc/1', '/dev/shm', '/var', '/home', '/tmp'])
    await refused(path, 'invalid', /cannot be a workspace/);
  await refused(`${root}/home`, 'invalid', /home directory/);
  await refused(root, 'invalid', /home directory lies in it/);
  await refused(`${root}/home/.coi`, 'invalid', /own data/);
  await refused(`${root}/home/.coi/sessions-claude`, 'invalid', /own data/);
  await refused(`${root}/home/.ssh`, 'invalid', /keys/);
});

test('a symlink does not lead around a refusal', async () => {
  await symlink('/etc', `${root}/etc-link`);
  await symlink(`${root}/home`, `${root}/home-link`);
  await refused(`${root}/etc-link`, 'invalid', /operating system/);
  await refused(`${root}/home-link`, 'invalid', /home directory/);
});

test('a folder of somebody else is refused unless the backend is root', { skip: uid !== 0 }, async () => {
  await mkdir(`${root}/other`);
  await chown(`${root}/other`, 4321, 4322);
  await refused(`${root}/other`, 'permission', /another user \(uid 4321\)/, { ...options, uid: 1000 });
  const ws = await resolveWorkspace(`${root}/other`, options);
  assert.deepEqual([ws.uid, ws.gid, ws.rootOwned], [4321, 4322, false]);
});

test('a link is followed, but not where an agent of another slot can write', async () => {
  await mkdir(`${root}/mono/packages`, { recursive: true });
  await mkdir(`${root}/private/deep`, { recursive: true });
  await symlink(`${root}/private`, `${root}/mono/frontend`);
  await symlink(`${root}/mono/frontend`, `${root}/mine`);
  const o = { ...options, hostile: async () => [`${root}/mono`] };
  for (const path of ['mono/frontend', 'mono/frontend/deep', 'mine', 'mine/deep'])
    await refused(`${root}/${path}`, 'isolation', /a link which an agent may have made/, o);
  assert.equal((await resolveWorkspace(`${root}/mono/packages`, o)).real, `${root}/mono/packages`);
  await symlink(`${root}/mono/packages`, `${root}/work`);
  const ws = await resolveWorkspace(`${root}/work`, o);
  assert.deepEqual([ws.path, ws.real], [`${root}/work`, `${root}/mono/packages`]);
});

test('a link leads to no folder whose name would be a line of its own', async () => {
  const evil = `${root}/x\nlxc.hook.pre-start = touch ${root.replaceAll('/', '_')}`;
  await mkdir(evil);
  await symlink(evil, `${root}/harmless`);
  await refused(`${root}/harmless`, 'invalid', /control character/);
});
