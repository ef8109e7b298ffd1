import { lstat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { posix } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { readUntrusted } from '../../base/files.ts';
import { type GitVariable, isTrue, parseGitConfig } from './git-config.ts';

/** Bytes of a configuration file, and files that one may include. */
const LIMIT = 256 * 1024;
const MOST_FILES = 20;

/** Something that git's configuration leads to; the path is absolute. */
export interface NamedPath {
  path: string;
  kind: 'dir' | 'file';
  /** A program: there is nothing to hold where it is not a file. */
  program?: boolean;
}

/** What a repository's own configuration says that matters for its protection. */
export interface GitNames {
  named: NamedPath[];
  /** Whether git ignores where the work tree is to be once there is a `commondir` (check_repository_format_gently in setup.c). */
  needsNoCommonDir: boolean;
}

/**
 * Reads the configuration in git's directory, and what it includes within `roots`, without running git. `workTree`: where git's hooks run.
 * Fails with `isolation` for files that cannot be read.
 */
export async function gitNames(gitDir: string, workTree: string, roots: readonly string[]): Promise<GitNames> {
  const variables: GitVariable[] = [];
  const named: NamedPath[] = [];
  const left = [`${gitDir}/config`, `${gitDir}/config.worktree`];
  const seen = new Set<string>();
  for (let file = left.shift(); file !== undefined && seen.size < MOST_FILES; file = left.shift()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const read = await variablesOf(file);
    variables.push(...read);
    for (const variable of read) {
      const one = namedBy(variable, posix.dirname(file), workTree);
      if (one === undefined) continue;
      named.push(one);
      const included = INCLUDES.test(variable.section) && roots.some(root => one.path.startsWith(`${root}/`));
      if (included) left.push(one.path);
    }
  }
  const core = (name: string) => variables.find(one => one.section === 'core' && one.name === name)?.value;
  const own = variables.some(one => one.section === 'extensions' && one.name === 'worktreeconfig' && isTrue(one.value));
  return { named: await withoutAbsentPrograms(named), needsNoCommonDir: core('worktree') !== undefined && !own };
}

async function variablesOf(file: string): Promise<GitVariable[]> {
  try {
    const text = await readUntrusted(file, LIMIT);
    return text === undefined ? [] : parseGitConfig(text.toString('utf8'));
  } catch (error) {
    throw new Failure('isolation', `${file}, which leads git, cannot be read.`, {
      cause: error,
      hint: 'Make it an ordinary file of less than 256 KiB.',
    });
  }
}

const INCLUDES = /^include(if)?$/;

/** Variables whose values git runs as commands, by section. */
const COMMANDS: Readonly<Record<string, RegExp>> = {
  core: /^(fsmonitor|sshcommand|editor|pager|askpass|gitproxy)$/,
  sequence: /^editor$/,
  diff: /^(external|textconv|command)$/,
  filter: /^(clean|smudge|process)$/,
  merge: /^driver$/,
  gpg: /^program$/,
  credential: /^helper$/,
  interactive: /^difffilter$/,
};

function namedBy({ section, name, value }: GitVariable, directory: string, workTree: string): NamedPath | undefined {
  if (INCLUDES.test(section) && name === 'path') return { path: absolute(value, directory), kind: 'file' };
  if (section === 'core' && name === 'hookspath') return { path: absolute(value, workTree), kind: 'dir' };
  if (section === 'core' && name === 'attributesfile') return { path: absolute(value, workTree), kind: 'file' };
  if (COMMANDS[section]?.test(name) !== true) return undefined;
  const program = /^!?[ \t]*(?:"([^"]+)"|'([^']+)'|([^ \t"']+))/.exec(value);
  const word = program?.[1] ?? program?.[2] ?? program?.[3] ?? '';
  return word.includes('/') ? { path: absolute(word, workTree), kind: 'file', program: true } : undefined;
}

function absolute(path: string, from: string): string {
  return posix.resolve(from, path.replace(/^~(?=\/)/, homedir()));
}

async function withoutAbsentPrograms(named: readonly NamedPath[]): Promise<NamedPath[]> {
  const there = await Promise.all(
    named.map(async ({ path, program }) => program !== true || (await lstat(path).catch(() => undefined))?.isFile()),
  );
  return named.filter((_, i) => there[i] === true);
}
