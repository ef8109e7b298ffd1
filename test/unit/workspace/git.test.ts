import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chown, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { mountPath, workspaceMounts } from '../../../server/workspace/mounts.ts';
import { resolveWorkspace } from '../../../server/workspace/resolve.ts';

const run = promisify(execFile);
const base = await realpath(await mkdtemp(join(tmpdir(), 'ia-git-')));
after(() => rm(base, { recursive: true, force: true }));
const uid = process.getuid?.() ?? 0;
const options = { home: '/nonexistent/home', stateDirs: ['/var/lib/incus'], uid };
const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
let main = '';
let tree = '';

beforeEach(async () => {
  const dir = await mkdtemp(join(base, 'case '));
  main = `${dir}/main repo`;
  tree = `${dir}/work tree`;
  await run('git', ['init', '-q', main], { env });
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
  await run('git', ['-C', main, ...who, 'commit', '-q', '--allow-empty', '-m', 'x'], { env });
  await run('git', ['-C', main, 'worktree', 'add', '-q', '-b', 'other', tree], { env });
});

const problem = async (path: string) => {
  const ws = await resolveWorkspace(path, options);
  assert.equal(ws.git, undefined);
  assert.deepEqual(workspaceMounts(ws, false).length, 1, 'nothing but the workspace is mounted');
  return ws.gitProblem ?? '';
};

test('a worktree gets its repository mounted and stays at its own path', async () => {
  const ws = await resolveWorkspace(tree, options);
  assert.equal(ws.git?.kind, 'worktree');
  assert.equal(ws.git?.commonDir, `${main}/.git`);
  assert.equal(mountPath(ws, false), tree);
  assert.deepEqual(workspaceMounts(ws, false)[1], {
    device: 'git-worktree-common',
    source: `${main}/.git`,
    path: `${main}/.git`,
  });
});

test('an ordinary repository and no repository need no further mount', async () => {
  const ws = await resolveWorkspace(main, options);
  assert.deepEqual(ws.git, { kind: 'dir' });
  assert.equal(mountPath(ws, false), '/workspace');
});

test('a .git file that leads to a repository which does not know this worktree mounts nothing', async () => {
  const evil = `${main}-evil`;
  await mkdir(evil);
  await writeFile(`${evil}/.git`, await readFile(`${tree}/.git`));
  assert.match(await problem(evil), /says that its worktree is/);
});

test('a .git file that leads to any other directory mounts nothing', async () => {
  for (const target of ['/etc', '/root', `${main}/.git`, `${main}/.git/worktrees`, '/nonexistent', '../..']) {
    await writeFile(`${tree}/.git`, `gitdir: ${target}\n`);
    assert.match(await problem(tree), /Git will not work inside/);
  }
  for (const text of ['', 'gitdir:', 'x\n', `gitdir: ${main}/.git\nmore`]) {
    await writeFile(`${tree}/.git`, text);
    assert.match(await problem(tree), /Git will not work inside/);
  }
});

test('a repository made by the agent in the workspace cannot name another directory as its common one', async () => {
  const fake = `${tree}/fake/worktrees/x`;
  await mkdir(fake, { recursive: true });
  await writeFile(`${fake}/gitdir`, `${tree}/.git\n`);
  await writeFile(`${fake}/commondir`, '/etc\n');
  await writeFile(`${tree}/.git`, `gitdir: ${fake}\n`);
  const ws = await resolveWorkspace(tree, options);
  assert.equal(workspaceMounts(ws, false).length, 1);
  // The same through a symlink that leads out of it.
  await symlink(`${main}/.git/worktrees`, `${tree}/out`);
  await writeFile(`${tree}/.git`, `gitdir: ${tree}/out/none\n`);
  assert.match(await problem(tree), /a link which an agent may have made/);
});

test('a link on the way to the repository is not followed where agents can write', async () => {
  const dir = join(tree, '..');
  await symlink(main, `${dir}/moved`);
  const named = await readFile(`${tree}/.git`, 'utf8');
  await writeFile(`${tree}/.git`, named.replace(main, `${dir}/moved`));
  assert.equal((await resolveWorkspace(tree, options)).git?.commonPath, `${dir}/moved/.git`);
  const ws = await resolveWorkspace(tree, { ...options, hostile: async () => [dir] });
  assert.match(ws.gitProblem ?? '', /a link which an agent may have made/);
  assert.equal(workspaceMounts(ws, false).length, 1);
});

test('a symlink as .git, and a FIFO as .git, are not followed or opened', async () => {
  await rm(`${tree}/.git`);
  await symlink(`${main}/.git`, `${tree}/.git`);
  assert.match(await problem(tree), /neither a directory nor a file/);
  await rm(`${tree}/.git`);
  await run('mkfifo', [`${tree}/.git`]);
  assert.match(await problem(tree), /neither a directory nor a file/);
});

test('a repository of another owner is not mounted', { skip: uid !== 0 }, async () => {
  await chown(`${main}/.git`, 4321, 4321);
  assert.match(await problem(tree), /does not belong to the workspace's owner/);
});
