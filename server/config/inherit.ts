import type { ConfigProblem } from '../protocol/types.ts';
import { builtInLayer } from './builtin.ts';
import { isTable } from './check.ts';
import type { Layer } from './layer.ts';
import type { Profile } from './profiles.ts';
import type { ConfigKey } from './values.ts';

/** Profiles that a profile may have above it, as coi counts. */
const MOST_PARENTS = 10;

/** Lists that a child's own list replaces; in other layers they add up. */
const REPLACED: readonly (readonly ConfigKey[])[] = [
  ['mounts'],
  ['sockets'],
  ['credentials'],
  ['defaults.forward_env'],
  ['ports.pool', 'ports.map'],
];
/** Tables in which an empty text takes an inherited name away. */
const CLEARED: readonly ConfigKey[] = ['defaults.environment', 'defaults.env_commands', 'prompts'];

/** The layers of a profile with those it inherits from, the farthest first, and what is wrong with them. */
export function inheritedLayers(
  name: string,
  profiles: ReadonlyMap<string, Profile>,
): { layers: Layer[]; problems: ConfigProblem[] } | undefined {
  const leaf = profiles.get(name);
  if (leaf === undefined) return undefined;
  const chain = [leaf.layer];
  const problems = [...leaf.problems];
  const seen = new Set([name]);
  for (let profile = leaf; profile.inherits !== undefined; ) {
    const parent = profiles.get(profile.inherits);
    const wrong = mistake(profile, parent, seen);
    if (wrong !== undefined) {
      problems.push(wrong);
      break;
    }
    seen.add(profile.inherits);
    const layer = parent?.layer ?? builtInLayer(profile.inherits, leaf.layer.place);
    if (layer !== undefined) chain.unshift(layer);
    if (parent === undefined) break;
    problems.push(...parent.problems);
    profile = parent;
  }
  return { layers: resolve(chain, leaf.layer.project), problems };
}

function mistake(profile: Profile, parent: Profile | undefined, seen: ReadonlySet<string>): ConfigProblem | undefined {
  const { inherits = '', layer } = profile;
  const at = (message: string): ConfigProblem => ({
    path: layer.place.source,
    line: 1,
    column: 1,
    ...profile.inheritsAt,
    severity: 'error',
    message,
  });
  if (seen.has(inherits)) return at(`The profile ${profile.name} inherits from ${inherits}, which leads back to it.`);
  if (parent === undefined && builtInLayer(inherits, layer.place) === undefined)
    return at(`The profile ${profile.name} inherits from ${JSON.stringify(inherits)}, which is not there.`);
  if (seen.size > MOST_PARENTS) return at(`More than ${MOST_PARENTS} profiles inherit from one another.`);
  return undefined;
}

/**
 * Applies what inheriting means and merging layers does not. All of a project's chain is the project's: else it could
 * reach through `inherits` what it must not set itself.
 */
function resolve(chain: readonly Layer[], project: boolean): Layer[] {
  return chain.map((layer, index) => {
    const below = chain.slice(index + 1);
    const entries = new Map(layer.entries);
    for (const keys of REPLACED)
      if (below.some(child => keys.some(key => child.entries.has(key)))) for (const key of keys) entries.delete(key);
    const cleared = { ...layer, project: layer.project || project, entries };
    for (const key of CLEARED) clear(cleared, key, chain.slice(0, index), below);
    return cleared;
  });
}

function clear(layer: Layer, key: ConfigKey, above: readonly Layer[], below: readonly Layer[]): void {
  const entry = layer.entries.get(key);
  if (entry === undefined || !isTable(entry.value)) return;
  const kept = Object.entries(entry.value).filter(
    ([name, value]) =>
      !(isEmptyText(value) && above.some(parent => Object.hasOwn(tableOf(parent, key), name))) &&
      !below.some(child => isEmptyText(tableOf(child, key)[name])),
  );
  layer.entries.set(key, { ...entry, value: Object.fromEntries(kept) });
}

function tableOf(layer: Layer, key: ConfigKey): Record<string, unknown> {
  const value = layer.entries.get(key)?.value;
  return isTable(value) ? value : {};
}

function isEmptyText(value: unknown): boolean {
  return value === '' || (isTable(value) && value.text === '');
}
