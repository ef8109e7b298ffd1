import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path/posix';
import { Failure, messageOf } from '../base/errors.ts';
import { readUntrusted } from '../base/files.ts';
import { identityOf } from '../base/trusted-path.ts';
import { type Hostile, withLinks } from './links.ts';
import { isWithin, refuseDirectory } from './refuse.ts';
import type { GitLayout, Workspace } from './types.ts';

/** A `.git` file or a back reference is one path. */
const LIMIT = 8192;

/** As in `ResolveOptions`. */
export interface GitOptions {
  home: string;
  stateDirs: readonly string[];
  hostile: Hostile;
}

/** What is wrong with a `.git` file; the text completes "git will not work inside: …". */
class Doubt extends Error {}

/**
 * Finds out how git works in a workspace, whose content is untrusted: a `.git` file that an agent wrote must not get
 * another directory of the host mounted. So an external repository counts only if it says itself, in a file that the
 * agent cannot have written, that this workspace is one of its worktrees.
 */
export async function readGitLayout(
  real: string,
  uid: number,
  o: GitOptions,
): Promise<Pick<Workspace, 'git' | 'gitProblem'>> {
  const dotGit = `${real}/.git`;
  const stats = await lstat(dotGit).catch(() => undefined);
  if (stats === undefined) return {};
  if (stats.isDirectory()) return { git: { kind: 'dir' } };
  try {
    if (!stats.isFile()) throw new Doubt('its .git is neither a directory nor a file');
    return { git: await readWorktree(real, uid, o) };
  } catch (error) {
    if (error instanceof Doubt || error instanceof Failure) return { gitProblem: problem(messageOf(error)) };
    throw error;
  }
}

function problem(why: string): string {
  return `Git will not work inside the container: ${why.replace(/\.$/, '')}.`;
}

async function readWorktree(real: string, uid: number, o: GitOptions): Promise<GitLayout> {
  const target = /^gitdir: (.+?)\n*$/.exec(await readLine(`${real}/.git`))?.[1];
  if (target === undefined) throw new Doubt('its .git file does not name a git directory');
  const named = resolve(real, target);
  const gitDir = await targetOf(named, real, o);
  // A repository within the workspace is there anyway, at the same relative place.
  if (isWithin(gitDir, real)) return { kind: 'dir' };
  const commonDir = await realOf(resolve(gitDir, (await readLine(`${gitDir}/commondir`)).trimEnd()));
  if (basename(dirname(gitDir)) !== 'worktrees' || dirname(dirname(gitDir)) !== commonDir)
    throw new Doubt(`${gitDir} is not a worktree's directory (submodules outside of their project are not mounted)`);
  if (isWithin(real, commonDir)) throw new Doubt('the workspace lies inside its own git directory');
  refuseDirectory(commonDir, o);
  await checkOwner([commonDir, dirname(gitDir), gitDir, `${gitDir}/gitdir`, `${gitDir}/commondir`], uid);
  await checkRepository(commonDir);
  await checkBackReference(gitDir, real);
  const commonIdentity = await withLinks(commonDir, o.hostile, commonDir, async target => identityOf(target));
  return { kind: 'worktree', commonDir, commonPath: dirname(dirname(named)), commonIdentity, gitDir };
}

/** Where the `.git` file leads. It is the agent's word, so no link of an agent's is followed. */
async function targetOf(named: string, real: string, o: GitOptions): Promise<string> {
  const hostile = async () => [...(await o.hostile()), real];
  return withLinks(named, hostile, named, async target => target.real);
}

async function readLine(path: string): Promise<string> {
  const bytes = await readUntrusted(path, LIMIT);
  if (bytes === undefined) throw new Doubt(`${path} is missing`);
  const text = bytes.toString('utf8');
  if (/[\0-\x1f\x7f]/.test(text.replace(/\n+$/, ''))) throw new Doubt(`${path} is not one line of plain text`);
  return text;
}

async function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => {
    throw new Doubt(`${path}, where its .git file leads, cannot be read`);
  });
}

async function checkOwner(paths: string[], uid: number): Promise<void> {
  for (const path of paths) {
    const stats = await lstat(path);
    if (stats.isSymbolicLink() || stats.uid !== uid)
      throw new Doubt(`${path} does not belong to the workspace's owner (uid ${uid})`);
  }
}

async function checkRepository(commonDir: string): Promise<void> {
  const head = await lstat(`${commonDir}/HEAD`).catch(() => undefined);
  const parts = await Promise.all(
    ['objects', 'refs'].map(name => lstat(`${commonDir}/${name}`).catch(() => undefined)),
  );
  if (!head?.isFile() || !parts.every(part => part?.isDirectory()))
    throw new Doubt(`${commonDir} is not a git repository`);
}

async function checkBackReference(gitDir: string, real: string): Promise<void> {
  const back = resolve(gitDir, (await readLine(`${gitDir}/gitdir`)).trimEnd());
  if (basename(back) !== '.git' || (await realOf(dirname(back))) !== real)
    throw new Doubt(`${gitDir} says that its worktree is ${dirname(back)}, not this workspace`);
}
