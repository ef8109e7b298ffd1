import type { ConfigProblem } from '../../server/protocol/types.ts';

/** Whether a path is one of the places that configuration is read from: `.coi` folders, `coi` folders, and coi.toml files. */
export function isConfigFile(path: string): boolean {
  return path.endsWith('.toml') && (/\/\.?coi\//.test(path) || /\/\.?coi\.toml$/.test(path));
}

/** What is wrong in settings, each once: those problems name no file. */
export function settingsProblems(problems: readonly ConfigProblem[]): string[] {
  return [...new Set(problems.filter(problem => !problem.path.startsWith('/')).map(({ message }) => message))];
}

/** Problems by file, each once: several workspaces read the same user files. */
export function problemsByPath(problems: readonly ConfigProblem[]): Map<string, ConfigProblem[]> {
  const seen = new Set<string>();
  const byPath = new Map<string, ConfigProblem[]>();
  for (const problem of problems.filter(each => each.path.startsWith('/'))) {
    const key = JSON.stringify(problem);
    if (seen.has(key)) continue;
    seen.add(key);
    byPath.set(problem.path, [...(byPath.get(problem.path) ?? []), problem]);
  }
  return byPath;
}
