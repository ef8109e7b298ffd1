import { addAllowedHosts } from '../config/additions.ts';
import { checkPolicy } from '../network/plan.ts';
import { cleanWorkspacePath } from '../workspace/resolve.ts';
import { requireDestinations } from './configure.ts';
import type { RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';
import { effectiveConfig } from './effective.ts';
import { policyOf } from './open/network.ts';

/**
 * Remembers hosts as allowed for all slots of a workspace, in the user's own configuration and not in the project's; gives all that are
 * remembered. Slots that run are left as they are. Fails with `invalid` for what is no host, and with `config` for one that the rest of
 * the configuration forbids, so that no later open fails of it.
 */
export async function allowForWorkspace(
  deps: FlowDeps,
  path: string,
  hosts: readonly string[],
  context: RequestContext,
): Promise<string[]> {
  requireDestinations(hosts);
  const workspace = cleanWorkspacePath(path);
  const config = await effectiveConfig(deps, workspace, context);
  checkPolicy({ ...policyOf(config, []), mode: 'allowlist', allow: hosts });
  return deps.serial.run('config/allow', () => addAllowedHosts(deps.home, workspace, hosts));
}
