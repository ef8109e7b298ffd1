import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { workspaceFragment } from '../../../server/workspace/fragment.ts';
import { checkIdMap } from '../../../server/workspace/idmap.ts';
import { isMountPoint, mountPath } from '../../../server/workspace/mounts.ts';
import { toContainerPath, toHostPath } from '../../../server/workspace/paths.ts';

const mounts = [
  { source: '/home/u/my project', path: '/workspace' },
  { source: '/data', path: '/workspace/data' },
];
const ws = { path: '/home/u/p', real: '/home/u/p', identity: '1:2', uid: 1000, gid: 100, rootOwned: false };

test('paths are translated both ways, by the innermost mount', () => {
  assert.equal(toHostPath('/workspace/src/a.ts', mounts), '/home/u/my project/src/a.ts');
  assert.equal(toHostPath('/workspace', mounts), '/home/u/my project');
  assert.equal(toHostPath('/workspace//data/x', mounts), '/data/x');
  assert.equal(toContainerPath('/home/u/my project/a', mounts), '/workspace/a');
  assert.equal(toContainerPath('/data', mounts), '/workspace/data');
});

test('what lies outside, is relative or goes up is not translated', () => {
  for (const path of [
    '/workspaces/x',
    '/etc/passwd',
    'src/a.ts',
    '/workspace/../etc',
    '/workspace/a/../../x',
    '/workspace/\0',
    '',
  ])
    assert.equal(toHostPath(path, mounts), undefined, path);
});

test('system places inside are no mount points', () => {
  for (const path of ['/', '/etc', '/usr/x', '/root/p', '/home/code', '/tmp', '/lib64', '/dev/x'])
    assert.equal(isMountPoint(path), false, path);
  for (const path of ['/home/u/p', '/tmp/x', '/srv/p', '/home/code/p', '/var/www'])
    assert.equal(isMountPoint(path), true, path);
  assert.equal(mountPath(ws, true), '/home/u/p');
  assert.throws(() => mountPath({ ...ws, path: '/root/p' }, true), Failure);
});

test('an ordinary owner is mapped by raw.idmap, root by mount entries only', () => {
  const o = { container: 'coi-12345678-1', preserve: false, codeUid: 1000, codeGid: 1000 };
  assert.deepEqual(workspaceFragment(ws, o), {
    config: { 'raw.idmap': 'uid 1000 1000\ngid 100 1000' },
    devices: { workspace: { type: 'disk', source: '/home/u/p', path: '/workspace' } },
  });
  const mine = workspaceFragment({ ...ws, uid: 0, gid: 0, rootOwned: true }, { ...o, project: 'other' });
  assert.equal(mine.config?.['raw.idmap'], undefined);
  assert.match(
    mine.config?.['raw.lxc'] ?? '',
    /devices\/other_coi-12345678-1\/disk\.workspace\.workspace workspace none rbind/,
  );
});

test('a missing line in subuid or subgid is a failure with its fix; a range that contains the id will do', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'ia-ids-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const files = { subuid: join(dir, 'subuid'), subgid: join(dir, 'subgid') };
  await writeFile(files.subuid, 'joe:1000:1\nroot:1000000:65536\nroot:900:200\n');
  await assert.rejects(checkIdMap(1000, 100, files), error => {
    assert.ok(error instanceof Failure && error.kind === 'isolation');
    assert.equal(error.hint, `Run: echo root:100:1 | sudo tee -a ${files.subgid}`);
    return true;
  });
  await writeFile(files.subgid, '0:100:1');
  await checkIdMap(1000, 100, files);
  await assert.rejects(checkIdMap(1100, 100, files));
});
