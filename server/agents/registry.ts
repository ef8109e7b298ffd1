import { Failure } from '../base/errors.ts';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { declaredAgent } from './declared.ts';
import { gemini } from './gemini.ts';
import { opencode } from './opencode.ts';
import { shell } from './shell.ts';
import type { Agent, DeclaredAgent } from './types.ts';

const BUILT_IN: readonly Agent[] = [claude, codex, opencode, gemini, shell];

/** Names of all agents: the built-in ones and those of the configuration. */
export function agentNames(declared: Readonly<Record<string, DeclaredAgent>> = {}): string[] {
  return [...new Set([...BUILT_IN.map(agent => agent.name), ...Object.keys(declared)])];
}

/**
 * The agent of that name; a built-in one cannot be declared anew. Fails with `not-found` when neither we nor the
 * configuration know it, and with `config` when it is declared badly.
 */
export function agentNamed(name: string, declared: Readonly<Record<string, DeclaredAgent>> = {}): Agent {
  const agent = BUILT_IN.find(candidate => candidate.name === name);
  if (agent !== undefined) return agent;
  const table = Object.hasOwn(declared, name) ? declared[name] : undefined;
  if (table !== undefined) return declaredAgent(name, table);
  throw new Failure('not-found', `There is no agent "${name}".`, {
    hint: `Use one of ${agentNames(declared).join(', ')}, or declare it in the configuration as [agents.${name}].`,
  });
}
