import type { Incus } from '../incus/client.ts';
import { VERSION } from './properties.ts';

/** Asks each agent for its version, all at once, as the user code with a home that is thrown away. Some say it on stderr. */
const ASK = `home=$(mktemp -d) && chown code "$home" && cd "$home" || exit 1
for agent in "$@"; do
  setpriv --reuid code --regid code --init-groups env HOME="$home" timeout 60 "$agent" --version </dev/null 2>&1 |
    tail -n 3 | head -c 400 | sed "s/^/$agent /" &
done
wait
rm -rf "$home"`;

/** The versions of the agents in a running build container, by agent; one that does not tell is left out. */
export async function agentVersions(
  incus: Incus,
  container: string,
  agents: readonly string[],
  signal: AbortSignal,
): Promise<Record<string, string>> {
  if (agents.length === 0) return {};
  const { stdout } = await incus.exec(container, ['sh', '-c', ASK, 'sh', ...agents], { signal, limit: 16 * 1024 });
  return parseVersions(stdout.toString('utf8'), agents);
}

/** Lines `AGENT WORDS`: the first word of the agent's that looks like a version is its version. The text comes from inside. */
export function parseVersions(text: string, agents: readonly string[]): Record<string, string> {
  const lines = text.split('\n').map(line => line.split(/[\s()]+/));
  const found = agents.flatMap(agent => {
    const words = lines.filter(([name]) => name === agent).flatMap(line => line.slice(1));
    const version = words
      .map(word => word.replace(/^v(?=\d)/, ''))
      .find(word => word.includes('.') && VERSION.test(word));
    return version === undefined ? [] : [[agent, version] as const];
  });
  return Object.fromEntries(found);
}
