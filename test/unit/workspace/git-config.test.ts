import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseGitConfig } from '../../../server/workspace/protection/git-config.ts';
import { gitNames } from '../../../server/workspace/protection/git-names.ts';
import { isFailure } from '../../incus/support.ts';

const CONFIG = String.raw`; a comment
[core] # another
	bare = false
	hooksPath = "my hooks"  ; said so
	fsmonitor = ./tools/watch --fast
[Include] path = ../.gitconfig
[includeIf "gitdir:~/a\"]b/"]
	path = \
~/x
[filter "x"]
	clean = tools/clean.sh %f
	smudge = cat
[remote "hooksPath = no"]
	url = "a#b" c # d
[core]
	broken line = ?
	attributesFile=/abs/attributes
	flag`;

test('the configuration of git is read as git reads it', () => {
  const shown = parseGitConfig(CONFIG).map(one => `${one.section}.${one.name}=${one.value}`);
  assert.deepEqual(shown, [
    'core.bare=false',
    'core.hookspath=my hooks',
    'core.fsmonitor=./tools/watch --fast',
    'include.path=../.gitconfig',
    'includeif.path=~/x',
    'filter.clean=tools/clean.sh %f',
    'filter.smudge=cat',
    'remote.url=a#b c',
    'core.attributesfile=/abs/attributes',
    'core.flag=true',
  ]);
  assert.deepEqual(parseGitConfig('[broken\n= x\n\\'), []);
});

function repository(t: TestContext, config: string): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'ia-git-')));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(`${dir}/.git`);
  mkdirSync(`${dir}/tools`);
  writeFileSync(`${dir}/tools/watch`, '');
  writeFileSync(`${dir}/.git/config`, config);
  return dir;
}

test('what it leads to is found, also in what it includes from the workspace', async t => {
  const dir = repository(t, CONFIG);
  writeFileSync(`${dir}/.gitconfig`, '[include]\n\tpath = more\n[core]\n\teditor = vi\n');
  const { named, needsNoCommonDir } = await gitNames(`${dir}/.git`, dir, [dir]);
  assert.deepEqual(
    named.map(one => `${one.kind} ${one.path}`),
    [
      `dir ${dir}/my hooks`,
      `file ${dir}/tools/watch`,
      `file ${dir}/.gitconfig`,
      `file ${homedir()}/x`,
      'file /abs/attributes',
      `file ${dir}/more`,
    ],
  );
  assert.equal(needsNoCommonDir, false);
});

test('a work tree elsewhere is noticed, and no link is read', async t => {
  const dir = repository(t, '[core]\n\tworktree = ../x\n');
  assert.equal((await gitNames(`${dir}/.git`, dir, [dir])).needsNoCommonDir, true);
  writeFileSync(`${dir}/.git/config.worktree`, '[extensions]\n\tworktreeConfig\n');
  assert.equal((await gitNames(`${dir}/.git`, dir, [dir])).needsNoCommonDir, false);
  rmSync(`${dir}/.git/config`);
  symlinkSync('/etc/passwd', `${dir}/.git/config`);
  await assert.rejects(gitNames(`${dir}/.git`, dir, [dir]), isFailure('isolation', /cannot be read/));
});
