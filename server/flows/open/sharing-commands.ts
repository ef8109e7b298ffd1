import { secondsOf } from '../../config/magnitude.ts';
import { COMMAND_ENVIRONMENT, commandEnvironment, runCommands } from '../../sharing/commands.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import type { OpenPlan } from './prepare.ts';
import { writableByAgents } from './writable.ts';

/**
 * The variables that are the output of commands on this computer: the user's own, and those of the project that the user has approved. They run
 * in the home and with the environment of the client, never in the workspace, whose files many programs obey. Fails with `config`.
 */
export async function commandVariables(
  deps: FlowDeps,
  plan: OpenPlan,
  { client, signal }: RequestContext,
): Promise<Record<string, string>> {
  const commands = plan.config.get('defaults.env_commands');
  if (Object.keys(commands).length === 0) return {};
  const [given, hostile] = await Promise.all([
    client.environment(COMMAND_ENVIRONMENT),
    writableByAgents(deps, plan.workspace),
  ]);
  return runCommands(commands, {
    environment: commandEnvironment(given, deps.home, hostile),
    directory: deps.home,
    timeoutMs: (secondsOf(plan.config.get('defaults.env_command_timeout')) || 30) * 1000,
    signal,
  });
}
