import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { Failure } from '../../../server/base/errors.ts';
import { homesIn } from '../../../server/workspace/private-places.ts';
import { cleanWorkspacePath, type ResolveOptions, resolveWorkspace } from '../../../server/workspace/resolve.ts';

const root = await realpath(await mkdtemp(join(tmpdir(), 'ia-workspace-')));
after(() => rm(root, { recursive: true, force: true }));
const uid = process.getuid?.() ?? 0;
const options = { home: `${root}/home`, stateDirs: [`${root}/home/.coi`, '/var/lib/incus'], uid };
await mkdir(`${root}/home/.coi/sessions-claude`, { recursive: true });
await mkdir(`${root}/home/.ssh`);
await mkdir(`${root}/home/project -x"ü'`);

const refused = (path: string, kind: string, text: RegExp, o: ResolveOptions = options) =>
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

test('the homes of people are known from the list of users, whose last ones stand for nobody', () => {
  assert.deepEqual(
    homesIn(
      'root:x:0:0::/root:/bin/sh\nwww:x:33:33::/var/www:/x\nal:x:1000:1000::/home/al/:/x\nnobody:x:65534:1::/none:/x\nodd\n' +
        'of-a-domain:x:1634201103:1::/home/corp/bo:/bin/sh\nnone:x:65535:1::/none2:/x\n',
    ),
    ['/root', '/home/al', '/home/corp/bo'],
  );
});

test('so are the homes of others, and what holds keys and programs in a home', async () => {
  const people = { ...options, homes: ['/people/al', `${root}/al`] };
  for (const path of ['/people/al', '/people', `${root}/al`]) await refused(path, 'invalid', /home directory/, people);
  for (const path of ['.ssh', '.config', '.local/share', '.vscode-server/bin', '.claude', '.docker', '.config/gh'])
    for (const home of [`${root}/al`, options.home])
      await refused(`${home}/${path}`, 'invalid', /keys|programs/, people);
  for (const path of ['.local/share/opencode', '.config/opencode/x', '.vscode-oss/extensions', '.config/VSCodium/User'])
    await refused(`${root}/al/${path}`, 'invalid', /holds (keys|programs)/, people);
  for (const path of ['.config/Code - Insiders', '.config/Cursor', '.config/fish', '.var', '.bun/bin', 'go', 'go/bin'])
    await refused(`${root}/al/${path}`, 'invalid', /keys|programs/, people);
  const free = [
    ...['.config/nvim', '.local/share/chezmoi', '.cursor/worktrees/x', '.local/share/opencode/worktree/id/x'],
    ...['work', '.claude2', 'go/src/example.test/x'],
  ];
  for (const path of free) {
    await mkdir(`${root}/al/${path}`, { recursive: true });
    assert.equal((await resolveWorkspace(`${root}/al/${path}`, people)).path, `${root}/al/${path}`);
  }
  for (const path of ['/mnt', '/srv', '/root']) await refused(path, 'invalid', /cannot be a workspace/);
});

test('so are whole drives of Windows in WSL, and not the disks of another Linux that are called like them', async () => {
  const windows = { ...options, windows: true };
  for (const path of [
    '/c',
    '/c/Users',
    '/c/Users/me',
    '/c/users/me/.ssh',
    '/d/Windows/System32',
    '/c/Users/me/AppData/x',
  ])
    for (const drives of ['/mnt', '']) await refused(`${drives}${path}`, 'invalid', /Windows/, windows);
  for (const path of ['/mnt/q', '/q/users/no'])
    await refused(path, 'not-found', /does not exist/, { ...options, windows: false });
  await refused('/mnt/c/Users/me/project', 'not-found', /does not exist/, windows);
  await refused('/mnt/data', 'not-found', /does not exist/);
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

test('a folder that may not be read is refused with the next step', { skip: uid !== 0 }, async () => {
  const own = { ...options, uid: 4321 };
  await chmod(root, 0o711);
  for (const [name, mode] of Object.entries({ open: 0o700, closed: 0, blind: 0o300, shut: 0o600 })) {
    await mkdir(`${root}/${name}`);
    await chown(`${root}/${name}`, 4321, 4321);
    await chmod(`${root}/${name}`, mode);
  }
  await mkdir(`${root}/barred/below`, { recursive: true, mode: 0o700 });
  await chown(`${root}/barred/below`, 4321, 4321);
  const paths = ['open', 'closed', 'blind', 'shut', 'barred/below'].map(name => `${root}/${name}`);
  const [open, ...others] = await asUser(4321, paths, own);
  assert.equal(open, 'opened');
  for (const [i, said] of others.entries())
    assert.deepEqual(said, {
      kind: 'permission',
      message: `The folder ${paths[i + 1]} cannot be read by you.`,
      hint: `Give yourself access to it, or choose another folder (ls -ld ${JSON.stringify(paths[i + 1])} shows its owner).`,
    });
});

/** What comes of each path where the process is another user's; it has read the sources before, which may be root's alone. */
async function asUser(user: number, paths: readonly string[], o: typeof options): Promise<unknown[]> {
  const script = `
    const { resolveWorkspace } = await import(process.argv[1]);
    const [user, paths, o] = JSON.parse(process.argv[2]);
    process.setgroups([]);
    process.setgid(user);
    process.setuid(user);
    const said = paths.map(path => resolveWorkspace(path, o).then(
      () => 'opened',
      ({ kind, message, hint }) => ({ kind, message, hint }),
    ));
    console.log(JSON.stringify(await Promise.all(said)));`;
  const source = new URL('../../../server/workspace/resolve.ts', import.meta.url).href;
  const argv = ['--input-type=module', '-e', script, source, JSON.stringify([user, paths, o])];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: '/' });
  return JSON.parse(stdout);
}

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
