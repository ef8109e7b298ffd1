import { loadConfig } from '../config/load.ts';
import type { ConfigSources, EffectiveConfig } from '../config/types.ts';
import { cleanWorkspacePath } from '../workspace/resolve.ts';
import type { ClientSession, RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';

/** What the client has set for that folder, over what it has set for all. */
function settingsFor(workspace: string, client: ClientSession): Record<string, unknown> {
  const folder = client.workspaces.find(({ path }) => cleanWorkspacePath(path) === workspace);
  return { ...client.settings, ...folder?.settings };
}

/**
 * The configuration of a workspace as the client of this request sees it, with what the project asks for and the user
 * has approved in force.
 */
export async function effectiveConfig(
  deps: FlowDeps,
  workspace: string,
  context: RequestContext,
  launch: Pick<ConfigSources, 'profile' | 'launch'> = {},
): Promise<EffectiveConfig> {
  const { COI_CONFIG: configFile } = await context.client.environment(['COI_CONFIG']);
  const config = await loadConfig({
    workspace,
    home: deps.home,
    settings: settingsFor(workspace, context.client),
    signal: context.signal,
    ...(configFile === undefined ? {} : { configFile }),
    ...launch,
  });
  const { approved } = await deps.trust.check(workspace, config.gatedByAny());
  return config.approve(approved);
}
