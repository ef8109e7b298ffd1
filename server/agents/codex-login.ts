import type { AgentFile, LaunchOptions } from './types.ts';

/** Variables with an API key; the first one that is there is used. */
const API_KEYS = ['CODEX_API_KEY', 'OPENAI_API_KEY'] as const;

const PROVIDER = 'openai-key';
const FIRST_LINE = '# Written by Incus Agents at each start. With another first line it is yours, and is left alone.';

/**
 * The machine's own configuration, which has the program find a key in its environment: by itself it looks for one there only in
 * `codex exec`, and shows its sign-in screen otherwise (0.169). The user's own `config.toml` wins over it, so a provider that is chosen
 * there stays chosen. A conversation stays with the provider that began it: ours is known also when there is no key, and
 * is not chosen for one that began with another login, which that screen asks for.
 */
export function loginFile(o: LaunchOptions): AgentFile {
  const key = API_KEYS.find(name => o.login?.includes(name));
  const begunByKey = o.resume === undefined || o.resume.provider === PROVIDER;
  const choice = key !== undefined && begunByKey ? `model_provider = "${PROVIDER}"\n` : '';
  const content = `${FIRST_LINE}\n${choice}\n${provider(key ?? 'OPENAI_API_KEY', baseUrl(o))}`;
  return { path: '/etc/codex/config.toml', content, mode: 0o644, merge: 'keep' };
}

function baseUrl(o: LaunchOptions): string {
  return o.secrets?.OPENAI_BASE_URL ?? o.variables?.OPENAI_BASE_URL ?? 'https://api.openai.com/v1';
}

/** By its name the program knows what the service can do. */
function provider(key: string, url: string): string {
  return `[model_providers.${PROVIDER}]
name = "OpenAI"
base_url = ${JSON.stringify(url)}
env_key = "${key}"
env_key_instructions = "This conversation was begun with an API key: give it in [agents.codex.credentials] of ~/.coi/config.toml."
wire_api = "responses"
`;
}
