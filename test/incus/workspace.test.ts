import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, chown, lstat, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { Incus } from '../../server/incus/client.ts';
import { workspaceFragment } from '../../server/workspace/fragment.ts';
import { handOverArgv } from '../../server/workspace/handover.ts';
import { checkIdMap, mappingFor } from '../../server/workspace/idmap.ts';
import { mountPath, workspaceMounts } from '../../server/workspace/mounts.ts';
import { resolveWorkspace } from '../../server/workspace/resolve.ts';
import type { Workspace } from '../../server/workspace/types.ts';
import { connect, tempDirectory, tempInstance, uniqueName } from './support.ts';

const NAME = `-my "ä' $(id) project`;
const CODE = { codeUid: 1000, codeGid: 1000 };
const isRoot = process.getuid?.() === 0;

interface Place {
  incus: Incus;
  ws: Workspace;
  container: string;
  /** The workspace inside. */
  path: string;
  run(argv: string[], user?: number): Promise<string>;
  handOver(): Promise<void>;
}

/** Adds what is missing in /etc/subuid and /etc/subgid for the time of the test. */
async function allowIds(t: TestContext, uid: number, gid: number): Promise<void> {
  try {
    return await checkIdMap(uid, gid);
  } catch {
    for (const [file, id] of [
      ['/etc/subuid', uid],
      ['/etc/subgid', gid],
    ] as const) {
      const line = `root:${id}:1`;
      const before = await readFile(file, 'utf8');
      if (before.split('\n').includes(line)) continue;
      await appendFile(file, `${line}\n`);
      t.after(async () => {
        const lines = (await readFile(file, 'utf8')).split('\n');
        await writeFile(file, lines.filter(l => l !== line).join('\n'));
      });
    }
  }
  await checkIdMap(uid, gid);
}

/** A workspace of that owner in a running container. */
async function place(
  t: TestContext,
  owner: { uid: number; gid: number },
  o: { preserve?: boolean; path?: string; isolated?: boolean; profileConfig?: Record<string, string> } = {},
): Promise<Place> {
  const incus = await connect(t);
  const parent = await tempDirectory(t);
  await chmod(parent, 0o755);
  const dir = o.path ?? `${parent}/${NAME}`;
  await mkdir(dir, { recursive: true });
  if (o.path === undefined) await chown(dir, owner.uid, owner.gid);
  if (mappingFor(owner) === 'raw') await allowIds(t, owner.uid, owner.gid);
  const ws = await resolveWorkspace(dir, { home: '/nonexistent', stateDirs: ['/var/lib/incus'], uid: 0 });
  const preserve = o.preserve === true;
  const container = uniqueName();
  const fragment = workspaceFragment(ws, { container, preserve, ...CODE, recursive: true });
  const isolated = String(o.isolated ?? true);
  await tempInstance(t, incus, {
    name: container,
    config: { ...fragment.config, 'security.idmap.isolated': isolated },
    devices: fragment.devices ?? {},
  });
  const run = async (argv: string[], user = 1000) => {
    const result = await incus.exec(container, argv, { user, group: user, cwd: '/', env: { HOME: '/home/code' } });
    if (result.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${result.exitCode} ${result.stderr.toString()}`);
    return result.stdout.toString();
  };
  const paths = workspaceMounts(ws, preserve).map(m => m.path);
  const handOver = async () => {
    await run(handOverArgv({ paths, ...CODE, rootOwned: ws.rootOwned }), 0);
  };
  return { incus, ws, container, path: mountPath(ws, preserve), run, handOver };
}

const ownerOf = async (path: string) => {
  const { uid, gid } = await lstat(path);
  return { uid, gid };
};

const owners = [
  { uid: 1000, gid: 1000 },
  { uid: 4321, gid: 4322 },
  { uid: 0, gid: 0 },
  { uid: 4321, gid: 0 },
];

for (const owner of owners)
  test(`what is made on either side belongs to ${owner.uid}:${owner.gid} outside and to code inside`, {
    skip: !isRoot,
  }, async t => {
    const { ws, path, run } = await place(t, owner);
    execFileSync('/bin/sh', ['-c', 'umask 077; mkdir sub; echo host >sub/from-host'], { cwd: ws.real, ...owner });
    assert.equal(path, '/workspace');
    assert.equal(await run(['stat', '-c', '%u:%g', '--', `${path}/sub/from-host`]), '1000:1000\n');
    await run([
      'sh',
      '-c',
      'cat "$1/sub/from-host" && echo inside >>"$1/sub/from-host" && mkdir "$1/-made" && ln -s /x "$1/-made/l"',
      'sh',
      path,
    ]);
    assert.equal(await readFile(`${ws.real}/sub/from-host`, 'utf8'), 'host\ninside\n');
    for (const name of ['sub/from-host', '-made', '-made/l'])
      assert.deepEqual(await ownerOf(`${ws.real}/${name}`), owner, name);
    // As the owner, without help of root.
    execFileSync('rm', ['-r', '--', '-made', 'sub'], { cwd: ws.real, ...owner });
  });

for (const owner of owners.slice(0, 3))
  test(`what root makes inside is never root's outside, and is handed to ${owner.uid} at the end`, {
    skip: !isRoot,
  }, async t => {
    const { ws, path, run, handOver } = await place(t, owner);
    const script = `cd -- "$1"; mkdir -p 'a b/-c'; cp /bin/sleep 'a b/-c/suid'; chmod 6755 'a b/-c/suid'
      ln -s /etc/passwd link; ln -s /etc dirlink; echo x >f; chown 33:44 f; touch mine; chown 1000:0 mine; ln f hard`;
    await run(['sh', '-c', script, 'sh', path], 0);
    const suid = `${ws.real}/a b/-c/suid`;
    assert.notEqual((await lstat(suid)).uid, 0, 'no file of the host’s root');
    await handOver();
    for (const name of ['a b', 'a b/-c', 'a b/-c/suid', 'link', 'dirlink', 'f', 'hard', 'mine'])
      assert.deepEqual(await ownerOf(`${ws.real}/${name}`), owner, name);
    assert.equal((await lstat(suid)).mode & 0o6000, 0, 'no setuid bit');
    assert.equal(await run(['stat', '-c', '%u', '/etc', '/etc/passwd'], 0), '0\n0\n', 'symlinks were not followed');
    execFileSync('/bin/sh', ['-c', 'rm -r -- *'], { cwd: ws.real, ...owner });
  });

test('what the agent made setuid in a folder of root’s is not at the end', { skip: !isRoot }, async t => {
  const { ws, path, run, handOver } = await place(t, { uid: 0, gid: 0 }, { isolated: false });
  await run(['sh', '-c', 'cp /bin/sleep "$1/s"; chmod 4755 "$1/s"', 'sh', path]);
  await handOver();
  assert.equal((await lstat(`${ws.real}/s`)).mode & 0o7777, 0o755);
});

test('a folder of root’s does not make anything else of the host writable, and leaves no mount behind', {
  skip: !isRoot,
}, async t => {
  const { container, path, run, incus } = await place(t, { uid: 0, gid: 0 });
  const probe =
    'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches; do [ -w "$f" ] && echo "$f"; done; exit 0';
  assert.equal(await run(['sh', '-c', probe]), '');
  assert.match(await run(['cat', '/proc/self/uid_map']), /^\s+0\s+[1-9]\d+\s+65536\s*$/);
  await run(['umount', '-l', path], 0);
  await assert.rejects(
    run(['touch', `${path}/x`], 0),
    /Permission denied|Value too large|Read-only/,
    'what lies below the mount is closed',
  );
  assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(`userns/${container}`));
  await incus.setState(container, 'restart', { force: true });
  assert.equal(await run(['stat', '-c', '%u', path]), '1000\n', 'also after a restart');
});

test('with its own path kept, it is at the same place inside; /tmp is not cleaned there', {
  skip: !isRoot,
}, async t => {
  const { ws, path, run, incus, container } = await place(t, { uid: 1000, gid: 1000 }, { preserve: true });
  assert.equal(path, ws.path);
  await writeFile(`${ws.real}/keep`, 'x');
  await run(['sh', '-c', 'test -f "$1/keep"', 'sh', path]);
  await incus.setState(container, 'restart', { force: true });
  await run(
    [
      'sh',
      '-c',
      'i=0; until systemctl is-active -q systemd-tmpfiles-setup || [ $i -gt 100 ]; do i=$((i+1)); sleep 0.1; done; systemd-tmpfiles --clean; test -f "$1/keep"',
      'sh',
      path,
    ],
    0,
  );
  assert.equal(await readFile(`${ws.real}/keep`, 'utf8'), 'x');
});

test('a path with a symlink is mounted as what it leads to', { skip: !isRoot }, async t => {
  const parent = await tempDirectory(t);
  await chmod(parent, 0o755);
  await mkdir(`${parent}/real`);
  await chown(`${parent}/real`, 1000, 1000);
  await symlink('real', `${parent}/link`);
  const { ws, path, run } = await place(t, { uid: 1000, gid: 1000 }, { path: `${parent}/link`, preserve: true });
  assert.equal(path, `${parent}/link`);
  await run(['touch', `${path}/x`]);
  assert.deepEqual(await ownerOf(`${ws.real}/x`), { uid: 1000, gid: 1000 });
});

test('git works inside a worktree, and the host sees its commits', { skip: !isRoot }, async t => {
  const parent = await realpath(await tempDirectory(t));
  await chown(parent, 1000, 1000);
  const owner = { uid: 1000, gid: 1000, env: { PATH: process.env.PATH, HOME: parent } };
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      ...owner,
      cwd: parent,
      encoding: 'utf8',
    });
  git('init', '-q', '-b', 'main', 'the main');
  git('-C', 'the main', 'commit', '-q', '--allow-empty', '-m', 'first');
  git('-C', 'the main', 'worktree', 'add', '-q', '-b', 'side', '../the tree');
  const { path, run } = await place(t, owner, { path: `${parent}/the tree` });
  assert.equal(path, `${parent}/the tree`);
  const inside = (...args: string[]) => run(['git', '-C', path, '-c', 'user.name=b', '-c', 'user.email=b@c', ...args]);
  await run(['sh', '-c', 'echo new >"$1/file"', 'sh', path]);
  await inside('add', '.');
  await inside('commit', '-q', '-m', 'from inside');
  assert.equal(await inside('status', '--porcelain'), '');
  assert.match(git('-C', 'the main', 'log', '--format=%s', 'side'), /^from inside\n/);
  assert.equal(git('-C', 'the tree', 'status', '--porcelain'), '');
  // Neither gc nor prune inside throws the worktree away.
  await inside('gc', '-q');
  await inside('worktree', 'prune');
  assert.equal(git('-C', 'the tree', 'status', '--porcelain'), '');
});
