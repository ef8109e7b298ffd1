import { readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { readUntrusted } from '../../base/files.ts';
import type { Workspace } from '../types.ts';
import { lookBeneath, relativePath } from './beneath.ts';
import { gitNames } from './git-names.ts';
import type { Wish } from './items.ts';
import { NOWHERE, SAME } from './types.ts';

/** Submodules and worktrees that are looked at; nobody has more by hand. */
const MOST = 200;
const LIMIT = 256 * 1024;
/** The file by which a directory of git says where the configuration and the hooks are (get_common_dir_noenv in setup.c). */
const LINK = 'commondir';

/** What is protected of git in the workspace's own tree, and in the external directory of a worktree. */
export interface RepositoryWishes {
  workspace: Wish[];
  common: Wish[];
  /** Git's directory in the workspace's tree, if it lies there. */
  gitDir?: string;
}

/**
 * Says what to protect of a repository, given what is wished of its `.git` (`hooks`, `config`, `commondir`, …). Where there is none yet, `.git` as a
 * whole is held, so that none can be planted. A `.git` file cannot be made to lead elsewhere.
 */
export async function repositoryWishes(ws: Workspace, names: readonly string[]): Promise<RepositoryWishes> {
  if (names.length === 0) return { workspace: [], common: [] };
  const roots = { workspace: ws.real, common: ws.git?.commonDir };
  const { kind } = await lookBeneath(ws.real, '.git');
  if (kind === 'file') return ofGitFile(ws, names);
  const modules = kind === 'dir' ? await submodules(ws.real, names) : [];
  const dir = kind === 'dir' ? '.git' : (await isBare(ws.real)) ? '' : undefined;
  const own = dir === undefined ? none() : await gitDirectory(ws.real, dir, names, roots);
  const absent: Wish[] = kind === 'dir' ? [] : [{ path: '.git', inGit: true }];
  // Git takes a folder whose .git is none for a repository itself, if it looks like one.
  const root: Wish[] = dir === '' || !names.includes(LINK) ? [] : [{ path: LINK, content: NOWHERE }];
  const workspace = [...absent, ...own.workspace, ...modules, ...root];
  return { workspace, common: [], ...(dir === '.git' ? { gitDir: dir } : {}) };
}

async function ofGitFile(ws: Workspace, names: readonly string[]): Promise<RepositoryWishes> {
  const file = { path: '.git' };
  const modules = await submodules(ws.real, names);
  const { commonDir, gitDir } = ws.git ?? {};
  const roots = { workspace: ws.real, common: commonDir };
  if (commonDir !== undefined && gitDir !== undefined) {
    const me = posix.relative(commonDir, gitDir);
    const shared = await gitDirectory(commonDir, '', names, roots, me);
    return {
      workspace: [file, ...shared.workspace, ...modules],
      common: [...shared.common, ...below(me, [LINK, 'gitdir', 'config.worktree'])],
    };
  }
  const inner = await innerDirectories(ws.real);
  const shared =
    inner.common === undefined ? none() : await gitDirectory(ws.real, inner.common, names, roots, inner.me);
  const links = inner.me === undefined ? [] : below(inner.me, [...names.filter(name => name !== LINK), LINK, 'gitdir']);
  const last = inner.common === undefined ? {} : { gitDir: inner.common };
  return { workspace: [file, ...links, ...shared.workspace, ...modules], common: [], ...last };
}

/** Where the trees of a slot are on the host. */
interface Roots {
  workspace: string;
  common?: string | undefined;
}

function none(): RepositoryWishes {
  return { workspace: [], common: [] };
}

/**
 * What is held of one directory of git, at `dir` in a tree. A `commondir` in it would have git take configuration and hooks from
 * elsewhere; one that says `.` changes nothing, and is in the way of any other.
 */
async function gitDirectory(
  root: string,
  dir: string,
  names: readonly string[],
  roots: Roots,
  me?: string,
): Promise<RepositoryWishes> {
  const here = root === roots.common ? 'common' : 'workspace';
  const others = await worktrees(root, dir, me);
  // Who may write the configuration needs no second one.
  if (!names.includes('config')) return { ...none(), [here]: [...below(dir, names), ...others] };
  const path = dir === '' ? root : `${root}/${dir}`;
  const held = [roots.workspace, ...(roots.common === undefined ? [] : [roots.common])];
  const { named, needsNoCommonDir } = await gitNames(path, roots.workspace, held);
  const link = { content: SAME, ...(needsNoCommonDir ? { refused: WORKTREE } : {}) } as const;
  const own = below(dir, names).map((wish, i) => (names[i] === LINK ? { ...wish, ...link } : wish));
  const wishes: RepositoryWishes = { ...none(), [here]: [...own, ...others] };
  for (const { path: target, kind } of named)
    for (const tree of ['workspace', 'common'] as const) {
      const from = roots[tree];
      const relative = from === undefined ? undefined : relativePath(posix.relative(from, target));
      if (relative !== undefined) wishes[tree].push({ path: relative, kind });
    }
  return wishes;
}

const WORKTREE =
  'its configuration has core.worktree, which git ignores where a file commondir is, so nothing keeps agents from making one';

/** Whether a folder is a repository itself, as `git init --bare` makes it. */
async function isBare(root: string): Promise<boolean> {
  const found = await Promise.all(
    ['HEAD', 'objects', 'refs'].map(name => lookBeneath(root, name).catch(() => undefined)),
  );
  return found.every((one, i) => one?.kind === (i === 0 ? 'file' : 'dir'));
}

function below(dir: string, names: readonly string[]): Wish[] {
  return names.map(name => ({ path: dir === '' ? name : `${dir}/${name}`, inGit: true }));
}

/** Other worktrees of the repository: where each of them finds its configuration must stay as it is. */
async function worktrees(root: string, gitDir: string, me?: string): Promise<Wish[]> {
  const dir = gitDir === '' ? 'worktrees' : `${gitDir}/worktrees`;
  if ((await lookBeneath(root, dir)).kind !== 'dir') return [];
  const names = (await readdir(`${root}/${dir}`)).filter(name => relativePath(name) === name).slice(0, MOST);
  return names
    .map(name => `${dir}/${name}`)
    .filter(path => path !== me)
    .map(path => ({ path, inGit: true, existing: true, unflagged: true }));
}

/** The git directories of a `.git` file that leads to a place in the workspace: that of a worktree, and the one with the configuration. */
async function innerDirectories(root: string): Promise<{ me?: string; common?: string }> {
  const own = await target(root, '.git', /^gitdir: (.+?)\n*$/, '');
  if (own === undefined || (await lookBeneath(root, own)).kind !== 'dir') return {};
  const common = await target(root, `${own}/commondir`, /^(.+?)\n*$/, own);
  const isWorktree = common !== undefined && posix.dirname(own) === `${common}/worktrees`;
  return isWorktree ? { me: own, common } : { common: own };
}

async function target(root: string, file: string, pattern: RegExp, from: string): Promise<string | undefined> {
  if ((await lookBeneath(root, file)).kind !== 'file') return undefined;
  const text = (await readUntrusted(`${root}/${file}`, LIMIT))?.toString('utf8') ?? '';
  const named = pattern.exec(text)?.[1];
  if (named === undefined) return undefined;
  return relativePath(posix.relative(root, posix.resolve(root, from, named)));
}

/** Submodules that are checked out: the `.git` of each must keep leading where it leads. */
async function submodules(root: string, names: readonly string[]): Promise<Wish[]> {
  if ((await lookBeneath(root, '.gitmodules')).kind !== 'file') return [];
  const text = (await readUntrusted(`${root}/.gitmodules`, LIMIT))?.toString('utf8') ?? '';
  const paths = [...text.matchAll(/^[ \t]*path[ \t]*=[ \t]*"?([^"\n]+?)"?[ \t]*$/gm)].map(m =>
    relativePath(m[1] ?? ''),
  );
  const wishes: Wish[] = [];
  for (const path of new Set(paths.slice(0, MOST))) {
    if (path === undefined) continue;
    const { kind } = await lookBeneath(root, `${path}/.git`);
    if (kind === 'file') wishes.push({ path: `${path}/.git`, inGit: true });
    if (kind === 'dir') {
      const own = await gitDirectory(root, `${path}/.git`, names, { workspace: root });
      wishes.push(...own.workspace);
    }
  }
  return wishes;
}
