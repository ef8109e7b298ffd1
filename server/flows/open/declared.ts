import type { DeclaredAgent } from '../../agents/types.ts';
import type { EffectiveConfig } from '../../config/types.ts';

/** The `[agents.NAME]` tables of the configuration that declare an agent, in the words of the agents' room. */
export function declaredAgents(config: EffectiveConfig): Record<string, DeclaredAgent> {
  const declared: Record<string, DeclaredAgent> = {};
  for (const [name, table] of Object.entries(config.get('agents'))) {
    if (table.command.length === 0) continue;
    declared[name] = {
      command: table.command,
      environment: table.environment,
      ...(table.resume_command.length === 0 ? {} : { resume: table.resume_command }),
      ...(table.state_dir === '' ? {} : { stateDirectory: table.state_dir }),
    };
  }
  return declared;
}
