import { isTable } from './check.ts';
import type { PortEntry } from './entries.ts';
import type { KeySpec } from './spec.ts';

/** Lays a later value over an earlier one, as the key wants it. */
export function joinValues(spec: KeySpec, earlier: unknown, later: unknown): unknown {
  switch (spec.join) {
    case 'replace':
      return later;
    case 'union':
      return [...new Set([...listOf(earlier), ...listOf(later)])];
    case 'append':
      return [...listOf(earlier), ...listOf(later)];
    case 'by-name':
      return byName(listOf(earlier) as PortEntry[], listOf(later) as PortEntry[]);
    case 'merge':
      return spec.key === 'agents' ? mergeAgents(earlier, later) : { ...tableOf(earlier), ...tableOf(later) };
  }
}

/** An entry takes the place of the one of its name; new names come behind. */
function byName(earlier: PortEntry[], later: PortEntry[]): PortEntry[] {
  const merged = new Map(earlier.map(entry => [entry.name, entry]));
  for (const entry of later) merged.set(entry.name, entry);
  return [...merged.values()];
}

/** An agent keeps what the later layer does not say of it. */
function mergeAgents(earlier: unknown, later: unknown): Record<string, unknown> {
  const merged = { ...tableOf(earlier) };
  for (const [name, agent] of Object.entries(tableOf(later))) {
    const before = tableOf(merged[name]);
    const said = Object.entries(tableOf(agent)).filter(([, value]) => value !== '' && !isEmptyList(value));
    const environment = { ...tableOf(before.environment), ...tableOf(tableOf(agent).environment) };
    merged[name] = { ...before, ...agentDefaults(before, agent), ...Object.fromEntries(said), environment };
  }
  return merged;
}

function agentDefaults(before: Record<string, unknown>, agent: unknown): Record<string, unknown> {
  return Object.keys(before).length === 0 ? tableOf(agent) : {};
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const tableOf = (value: unknown): Record<string, unknown> => (isTable(value) ? value : {});
