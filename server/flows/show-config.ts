import { stat } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';
import type { ResultOf } from '../protocol/methods.ts';
import { cleanWorkspacePath } from '../workspace/resolve.ts';
import type { RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';
import { effectiveConfig } from './effective.ts';
import { declaredAgents } from './open/declared.ts';
import { presetProblems } from './presets.ts';
import { targetProblems } from './target.ts';

/**
 * Every value of a workspace's configuration with its origin, and everything that is to say about it. Fails with `invalid`, `not-found`
 * or `permission` for what is no folder that can be looked at.
 */
export async function showConfig(
  deps: FlowDeps,
  path: string,
  context: RequestContext,
): Promise<ResultOf<'config/show'>> {
  const workspace = cleanWorkspacePath(path);
  await requireFolder(workspace);
  const config = await effectiveConfig(deps, workspace, context);
  const [presets, target] = await Promise.all([
    presetProblems(config, deps.home, workspace),
    targetProblems(deps, config),
  ]);
  return {
    values: config.values(),
    problems: [...config.problems, ...presets, ...target],
    profiles: config.profiles.map(({ name }) => name),
    agents: Object.keys(declaredAgents(config)),
  };
}

async function requireFolder(path: string): Promise<void> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      throw new Failure('not-found', `The folder ${path} does not exist.`, {
        hint: 'Check the path, or create the folder.',
      });
    throw new Failure('permission', `The folder ${path} cannot be read (${error.code}).`, {
      hint: 'Look at the permissions of the folders above it.',
    });
  });
  if (!stats.isDirectory())
    throw new Failure('invalid', `${path} is not a directory.`, { hint: 'Choose a folder, not a file.' });
}
