import { readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { readUntrusted } from '../../base/files.ts';
import type { Workspace } from '../types.ts';
import { lookBeneath, relativePath } from './beneath.ts';
import type { Wish } from './items.ts';

/** Submodules and worktrees that are looked at; nobody has more by hand. */
const MOST = 200;
const LIMIT = 256 * 1024;

/** What is protected of git in the workspace's own tree, and in the external directory of a worktree. */
export interface RepositoryWishes {
  workspace: Wish[];
  common: Wish[];
  /** Git's directory in the workspace's tree, if it lies there. */
  gitDir?: string;
}

/**
 * Says what to protect of a repository, given what is wished of its `.git` (`hooks`, `config`, …). Where there is none yet, `.git` as a
 * whole is held, so that none can be planted. A `.git` file cannot be made to lead elsewhere.
 */
export async function repositoryWishes(ws: Workspace, names: readonly string[]): Promise<RepositoryWishes> {
  if (names.length === 0) return { workspace: [], common: [] };
  const { kind } = await lookBeneath(ws.real, '.git');
  if (kind === 'absent') return { workspace: [{ path: '.git', inGit: true }], common: [] };
  const modules = await submodules(ws.real, names);
  if (kind === 'dir') {
    const own = [...below('.git', names), ...(await worktrees(ws.real, '.git'))];
    return { workspace: [...own, ...modules], common: [], gitDir: '.git' };
  }
  const file = { path: '.git' };
  const { commonDir, gitDir } = ws.git ?? {};
  if (commonDir !== undefined && gitDir !== undefined) {
    const me = posix.relative(commonDir, gitDir);
    const others = await worktrees(commonDir, '', me);
    return {
      workspace: [file, ...modules],
      common: [...below('', names), ...below(me, ['commondir', 'gitdir', 'config.worktree']), ...others],
    };
  }
  const inner = await innerDirectories(ws.real);
  const wishes = inner.dirs.flatMap(dir => below(dir, names));
  const links = inner.dirs.length > 1 ? below(inner.dirs[0] ?? '', ['commondir', 'gitdir']) : [];
  const more = await Promise.all(inner.dirs.map(dir => worktrees(ws.real, dir, inner.me)));
  return { workspace: [file, ...wishes, ...links, ...more.flat(), ...modules], common: [], ...inner.last };
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

/** The git directories of a `.git` file that leads to a place in the workspace: its own, and the one that it shares. */
async function innerDirectories(root: string): Promise<{ dirs: string[]; me?: string; last: { gitDir?: string } }> {
  const own = await target(root, '.git', /^gitdir: (.+?)\n*$/, '');
  if (own === undefined || (await lookBeneath(root, own)).kind !== 'dir') return { dirs: [], last: {} };
  const common = await target(root, `${own}/commondir`, /^(.+?)\n*$/, own);
  if (common === undefined) return { dirs: [own], last: { gitDir: own } };
  return { dirs: [own, common], me: own, last: { gitDir: common } };
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
    if (kind === 'dir') wishes.push(...below(`${path}/.git`, names));
  }
  return wishes;
}
