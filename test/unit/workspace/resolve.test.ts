import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { cleanWorkspacePath, resolveWorkspace } from '../../../server/workspace/resolve.ts';

const root = await mkdtemp(join(tmpdir(), 'ia-workspace-'));
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
  assert.deepEqual(ws, { path, real: path, uid, gid: process.getgid?.(), rootOwned: uid === 0 });
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
