import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { quote } from '../../../server/base/shell.ts';
import { lookBeneath, relativePath } from '../../../server/workspace/protection/beneath.ts';
import { lockItems, withPins } from '../../../server/workspace/protection/items.ts';
import { chosenPaths, planProtection } from '../../../server/workspace/protection/plan.ts';
import { record, recorded } from '../../../server/workspace/protection/record.ts';
import { secretItems } from '../../../server/workspace/protection/secrets.ts';
import {
  decodeMountTable,
  encodeForMountTable,
  gitPattern,
  stagedName,
} from '../../../server/workspace/protection/text.ts';
import type { ProtectionOptions } from '../../../server/workspace/protection/types.ts';
import { parseMounts } from '../../../server/workspace/protection/verify.ts';
import { resolveWorkspace } from '../../../server/workspace/resolve.ts';
import { isFailure } from '../../incus/support.ts';

function folder(t: TestContext): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'ia-protect-')));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

const OPTIONS: ProtectionOptions = {
  ...{ container: 'coi-12345678-1', preserve: false, level: 'locked', immutable: true, hooks: true },
  paths: ['.git/hooks', '.git/config', '.vscode', '.mcp.json', '.claude/settings.json'],
  writable: [],
  secrets: [],
};

async function planFor(dir: string, more: Partial<ProtectionOptions> = {}) {
  const uid = process.getuid?.() ?? 0;
  const ws = await resolveWorkspace(dir, { home: '/nonexistent', stateDirs: [], uid });
  return planProtection(ws, { ...OPTIONS, ...more });
}

test('only plain relative paths count', () => {
  assert.equal(relativePath('./a//b/'), 'a/b');
  for (const path of ['/a', '../a', 'a/../b', '', '.', 'a\nb', 'a\tb'])
    assert.equal(relativePath(path), undefined, path);
});

test('exceptions free themselves and what lies below, and nothing else', () => {
  const paths = ['.vscode', '.claude/settings.json', '.claude2/x', '/abs', '.vscode'];
  assert.deepEqual(chosenPaths(paths, []), ['.vscode', '.claude/settings.json', '.claude2/x']);
  assert.deepEqual(chosenPaths(paths, ['./.claude/']), ['.vscode', '.claude2/x']);
});

test('no symlink is followed on the way to a protected path', async t => {
  const dir = folder(t);
  symlinkSync('/etc', `${dir}/link`);
  mkdirSync(`${dir}/real`);
  await assert.rejects(lookBeneath(dir, 'link/passwd'), isFailure('isolation', /link is a symbolic link/));
  await assert.rejects(lookBeneath(dir, 'link'), isFailure('isolation'));
  assert.equal((await lookBeneath(dir, 'real')).kind, 'dir');
  assert.equal((await lookBeneath(dir, 'real/x/y')).kind, 'absent');
});

test('what does not exist is held by what its readers understand, and everything above it is pinned', async t => {
  const dir = folder(t);
  const wishes = ['.mcp.json', '.envrc', '.vscode', '.codex/config.toml', 'a/b/c.json'].map(path => ({ path }));
  const items = withPins(await lockItems(dir, wishes, true));
  const shown = items.map(i => [i.action, i.kind, i.path, i.content ?? '-'].join(' '));
  assert.deepEqual(shown, [
    'pin dir .codex -',
    'lock file .envrc ',
    'lock file .mcp.json {}',
    'lock dir .vscode -',
    'pin dir a -',
    'lock file .codex/config.toml ',
    'pin dir a/b -',
    'lock file a/b/c.json {}',
  ]);
});

test('a second name of a protected file is locked too, or refused without the flag', async t => {
  const dir = folder(t);
  mkdirSync(`${dir}/.vscode`);
  writeFileSync(`${dir}/.vscode/tasks.json`, '{}');
  linkSync(`${dir}/.vscode/tasks.json`, `${dir}/other`);
  const items = await lockItems(dir, [{ path: '.vscode' }], true);
  assert.deepEqual(
    items.map(i => i.path),
    ['.vscode', '.vscode/tasks.json'],
  );
  await assert.rejects(lockItems(dir, [{ path: '.vscode' }], false), isFailure('isolation', /hard link/));
});

test('secret globs match at any depth, whole directories, links and second names, and pass over packages', async t => {
  const dir = folder(t);
  for (const d of ['sub', 'secrets/deep', 'node_modules/p', 'conf']) mkdirSync(`${dir}/${d}`, { recursive: true });
  for (const f of ['.env', 'sub/.env', 'sub/key.pem', 'secrets/deep/x', 'node_modules/p/.env', 'plain', 'conf/real'])
    writeFileSync(`${dir}/${f}`, 'x');
  linkSync(`${dir}/.env`, `${dir}/copy`);
  symlinkSync('conf/real', `${dir}/linked.pem`);
  symlinkSync('/etc/passwd', `${dir}/outside.pem`);
  const items = await secretItems(dir, ['.env', '*.pem', 'secrets/**']);
  assert.deepEqual(items.map(i => i.path).sort(), ['.env', 'conf/real', 'copy', 'secrets', 'sub/.env', 'sub/key.pem']);
});

test('without a repository the place of one is held; exceptions and "off" are obeyed', async t => {
  const dir = folder(t);
  const plan = await planFor(dir);
  assert.equal(plan.effective, 'locked');
  assert.ok(plan.recursive);
  assert.deepEqual(plan.protectedPaths, ['.git', '.mcp.json', '.vscode', 'commondir', '.claude/settings.json']);
  assert.ok(!(await planFor(dir, { writable: ['.git'] })).protectedPaths.includes('.git'));
  const off = await planFor(dir, { level: 'off' });
  assert.deepEqual([off.effective, off.recursive], ['off', false]);
  assert.match(
    off.fragment.config?.['raw.lxc'] ?? '',
    /^lxc\.hook\.pre-start = [^\n]*$/,
    'the workspace is still the one',
  );
});

test('it never becomes weaker by itself', async t => {
  const dir = folder(t);
  await assert.rejects(planFor(dir, { hooks: false }), isFailure('isolation', /raw\.lxc/));
  assert.equal((await planFor(dir, { immutable: false })).effective, 'weak');
  // Devices over paths of the workspace would be led to anything of the user's.
  await assert.rejects(planFor(dir, { hooks: false, level: 'weak' }), isFailure('isolation', /raw\.lxc/));
  const off = await planFor(dir, { hooks: false, level: 'off' });
  assert.deepEqual(
    [off.effective, off.fragment.devices, off.fragment.config?.['raw.lxc']],
    ['off', undefined, undefined],
  );
});

test('a submodule’s .git and a worktree’s stay what they are', async t => {
  const dir = folder(t);
  mkdirSync(`${dir}/.git/worktrees/other`, { recursive: true });
  mkdirSync(`${dir}/libs/sub`, { recursive: true });
  writeFileSync(`${dir}/libs/sub/.git`, 'gitdir: ../../.git/modules/sub');
  writeFileSync(`${dir}/.gitmodules`, '[submodule "x"]\n\tpath = libs/sub\n[submodule "y"]\n\tpath = ../../etc\n');
  const { protectedPaths } = await planFor(dir);
  for (const path of ['libs/sub/.git', '.git/worktrees/other', '.git/config'])
    assert.ok(protectedPaths.includes(path), path);
  assert.ok(!protectedPaths.some(path => path.includes('etc')));
});

test('git cannot be led to another configuration', async t => {
  const dir = folder(t);
  mkdirSync(`${dir}/.git`);
  mkdirSync(`${dir}/tools`);
  writeFileSync(`${dir}/.git/config`, '[core]\n\thooksPath = tools/hooks\n[include]\n\tpath = ../.gitconfig\n');
  const { protectedPaths } = await planFor(dir);
  for (const path of ['.git/commondir', 'commondir', 'tools/hooks', '.gitconfig'])
    assert.ok(protectedPaths.includes(path), path);
  const free = await planFor(dir, { writable: ['tools', 'commondir', '.git/commondir'] });
  for (const path of ['.git/commondir', 'commondir', 'tools/hooks'])
    assert.ok(!free.protectedPaths.includes(path), path);
  for (const path of ['.git/commondir', 'commondir']) {
    writeFileSync(`${dir}/${path}`, '.evil\n');
    await assert.rejects(planFor(dir), isFailure('isolation', /commondir leads git to another configuration/));
    rmSync(`${dir}/${path}`);
  }
  writeFileSync(`${dir}/.git/commondir`, '.\n');
  await planFor(dir);
  writeFileSync(`${dir}/.git/config`, '[core]\n\tworktree = ../elsewhere\n');
  await assert.rejects(planFor(dir), isFailure('isolation', /core\.worktree/));
  await planFor(dir, { writable: ['.git/commondir'] });
});

test('every directory of git in the workspace keeps its configuration', async t => {
  const dir = folder(t);
  for (const part of ['.bare/worktrees/wt', 'libs/sub/.git']) mkdirSync(`${dir}/${part}`, { recursive: true });
  writeFileSync(`${dir}/.git`, 'gitdir: ./.bare\n');
  writeFileSync(`${dir}/.gitmodules`, '[submodule "x"]\n\tpath = libs/sub\n');
  const all = (await planFor(dir)).protectedPaths;
  for (const path of ['.git', '.bare/commondir', '.bare/config', '.bare/worktrees/wt', 'libs/sub/.git/commondir'])
    assert.ok(all.includes(path), path);
  writeFileSync(`${dir}/.git`, 'gitdir: .bare/worktrees/wt\n');
  writeFileSync(`${dir}/.bare/worktrees/wt/commondir`, '../..\n');
  const ofWorktree = (await planFor(dir)).protectedPaths;
  for (const path of ['.bare/commondir', '.bare/config', '.bare/worktrees/wt/commondir', '.bare/worktrees/wt/gitdir'])
    assert.ok(ofWorktree.includes(path), path);
  writeFileSync(`${dir}/.git`, 'gitdir: .bare\n');
  writeFileSync(`${dir}/.bare/commondir`, '../.evil\n');
  mkdirSync(`${dir}/.evil`);
  await assert.rejects(planFor(dir), isFailure('isolation', /another configuration/));
});

test('a folder that is a bare repository itself is held as one', async t => {
  const dir = folder(t);
  for (const part of ['objects', 'refs']) mkdirSync(`${dir}/${part}`);
  writeFileSync(`${dir}/HEAD`, 'ref: refs/heads/main\n');
  const { protectedPaths } = await planFor(dir);
  for (const path of ['.git', 'config', 'hooks', 'commondir']) assert.ok(protectedPaths.includes(path), path);
});

test('a star means what is there', async t => {
  const dir = folder(t);
  for (const name of ['a.code-workspace', 'b.code-workspace', 'c.txt']) writeFileSync(`${dir}/${name}`, '{}');
  const o = { paths: ['*.code-workspace', 'none/*.x', '.coi.toml'], writable: ['b.code-workspace'] };
  assert.deepEqual((await planFor(dir, o)).protectedPaths, ['a.code-workspace']);
});

test('what is above a secret path stays where it is', async t => {
  const dir = folder(t);
  mkdirSync(`${dir}/a/b`, { recursive: true });
  writeFileSync(`${dir}/a/b/.env`, '');
  const items = withPins(await secretItems(dir, ['.env']));
  assert.deepEqual(
    items.map(i => `${i.action} ${i.path}`),
    ['pin a', 'pin a/b', 'hide a/b/.env'],
  );
});

test('hooks are one line each, and no name breaks out of its word', async t => {
  const dir = join(folder(t), `it's "a" $(id) folder`);
  mkdirSync(dir);
  const plan = await planFor(dir, { paths: ["it's $(touch x)/y.json"] });
  const lines = (plan.fragment.config?.['raw.lxc'] ?? '').split('\n');
  assert.equal(lines.length, 3);
  for (const line of lines) assert.match(line, /^lxc\.hook\.(pre-start|stop|post-stop) = \/bin\/sh -c '/);
  assert.equal(quote("a'b"), `'a'\\''b'`);
});

test('names are written as the mount tables, git and Incus write them', () => {
  assert.equal(encodeForMountTable('a b\\c\td'), 'a\\040b\\134c\\011d');
  assert.equal(decodeMountTable('a\\040b\\134c\\011d'), 'a b\\c\td');
  assert.equal(gitPattern('a b/*.x'), '/a\\ b/\\*.x');
  assert.equal(stagedName('git-worktree-common', '/a-b/c'), 'disk.git--worktree--common.a--b-c');
  assert.deepEqual(parseMounts('36 35 98:0 /a\\040b /c ro,noatime master:1 - ext4 /dev/x rw\nbroken'), [
    { root: '/a b', point: '/c', readonly: true },
  ]);
});

test('what a slot was started with is read back', () => {
  const items = [
    { path: '.git', action: 'pin', kind: 'dir' },
    { path: '.git/config', action: 'lock', kind: 'file' },
    { path: 'a b', action: 'hide', kind: 'dir' },
  ] as const;
  const tree = {
    device: 'workspace',
    source: '/w s',
    path: '/workspace',
    identity: '1:1',
    uid: 1,
    gid: 1,
    items: [...items],
  };
  assert.deepEqual(recorded(record([tree])), [
    { source: '/w s', mount: '/workspace', action: 'pin', path: '.git', flagged: false },
    { source: '/w s', mount: '/workspace', action: 'lock', path: '.git/config', flagged: true },
    { source: '/w s', mount: '/workspace', action: 'hide', path: 'a b', flagged: false },
  ]);
  assert.deepEqual(recorded('nonsense\n\n'), []);
});
