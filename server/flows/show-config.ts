import type { ResultOf } from '../protocol/methods.ts';
import type { RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';
import { effectiveConfig } from './effective.ts';
import { declaredAgents } from './open/declared.ts';
import { presetProblems } from './presets.ts';

/** Every value of a workspace's configuration with its origin, and everything that is to say about it. */
export async function showConfig(
  deps: FlowDeps,
  workspace: string,
  context: RequestContext,
): Promise<ResultOf<'config/show'>> {
  const config = await effectiveConfig(deps, workspace, context);
  const presets = await presetProblems(config, deps.home, workspace);
  return {
    values: config.values(),
    problems: [...config.problems, ...presets],
    profiles: config.profiles.map(({ name }) => name),
    agents: Object.keys(declaredAgents(config)),
  };
}
