import { Failure } from '../base/errors.ts';

/** npm packages of the agents that can be put into an image, by the agent's name, which is also its command. */
const PACKAGES: Readonly<Record<string, string>> = {
  claude: '@anthropic-ai/claude-code',
  codex: '@openai/codex',
  opencode: 'opencode-ai',
  gemini: '@google/gemini-cli',
  pi: '@mariozechner/pi-coding-agent',
};

/** The agents of an image that says nothing about them. */
export const DEFAULT_AGENTS: readonly string[] = Object.keys(PACKAGES);

/** Programs that every image has. */
const BUILT_IN: ReadonlySet<string> = new Set(['shell', 'dummy']);

/**
 * The agents to install: those of the recipe, `fallback` if it names none, none for ["none"]. An agent that is not known here
 * fails with `config`: it can be installed by a command of the recipe.
 */
export function wantedAgents(recipe: readonly string[] | undefined, fallback: readonly string[]): string[] {
  if (recipe === undefined || recipe.length === 0) return [...fallback];
  const wanted = [...new Set(recipe)].filter(name => name !== 'none' && !BUILT_IN.has(name));
  for (const name of wanted) packageOf(name);
  return wanted;
}

/** The npm package that brings an agent. */
export function packageOf(agent: string): string {
  const found = Object.hasOwn(PACKAGES, agent) ? PACKAGES[agent] : undefined;
  if (found !== undefined) return found;
  throw new Failure('config', `The agent "${agent}" cannot be built into an image.`, {
    hint: `Known are ${DEFAULT_AGENTS.join(', ')}. Install others with "commands" of [container.build].`,
  });
}
