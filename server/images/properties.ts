import type { Image } from '../incus/types/image.ts';

/** Image properties: agents inside (comma-separated), their versions (`name=version`, likewise), the base, and the build container. */
export const AGENTS_PROPERTY = 'incus-agents.agents';
export const VERSIONS_PROPERTY = 'incus-agents.agent-versions';
export const BASE_PROPERTY = 'incus-agents.base';
export const BUILD_PROPERTY = 'incus-agents.build';

/** Keys of a build container: the alias that it is to become, and the backend that works on it. */
export const BUILD_KEY = 'user.incus-agents.build';
export const BUILD_ID_KEY = 'user.incus-agents.build-id';
export const BACKEND_KEY = 'user.incus-agents.backend';

/** The alias with the time of the build in UTC, as coi writes it. */
export function versionAlias(alias: string, at: Date): string {
  const [day = '', time = ''] = at.toISOString().slice(0, 19).replace(/[-:]/g, '').split('T');
  return `${alias}-${day}-${time}`;
}

/** The alias that a version belongs to; undefined when it is no version. */
export function versionOf(alias: string): string | undefined {
  return /^(.+)-\d{8}-\d{6}$/.exec(alias)?.[1];
}

/**
 * Whether an image was built here, or by coi: its images say nothing of it, but have the usual name, or dated aliases that no other
 * program writes.
 */
export function isOurs({ properties, aliases }: Pick<Image, 'properties' | 'aliases'>): boolean {
  if (BUILD_PROPERTY in properties) return true;
  return aliases.some(alias => COI_ALIASES.has(alias) || versionOf(alias) !== undefined);
}

const COI_ALIASES: ReadonlySet<string> = new Set(['coi', 'coi-default']);

/** The agents that an image says it has; undefined when it says nothing. */
export function agentsOf(properties: Readonly<Record<string, string>>): string[] | undefined {
  const value = properties[AGENTS_PROPERTY];
  return value === undefined ? undefined : value.split(',').filter(name => name !== '');
}

/** The versions of agents that an image says it has, by agent; empty when it says nothing of them. */
export function versionsOf(properties: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = (properties[VERSIONS_PROPERTY] ?? '').split(',').map(pair => pair.split('='));
  return Object.fromEntries(
    pairs.filter((pair): pair is [string, string] => pair.length === 2 && VERSION.test(pair[1] ?? '')),
  );
}

/** The value that `versionsOf` reads back. */
export function versionsText(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([agent, version]) => `${agent}=${version}`)
    .join(',');
}

/** A version as it may stand in a property. */
export const VERSION = /^\d[\w.+-]{0,39}$/;
