import type { Mode, Policy, StaticAddress } from './types.ts';

/** Key of an instance: the mode that is in force. */
export const NETWORK_KEY = 'user.incus-agents.network';
/** Key of an instance: the whole policy, for whoever changes or serves it later. */
export const POLICY_KEY = 'user.incus-agents.network-policy';

const MODES: ReadonlySet<unknown> = new Set<Mode>(['restricted', 'allowlist', 'open']);

/** The text of `POLICY_KEY`. */
export function recordPolicy(policy: Policy): string {
  return JSON.stringify(policy);
}

/** Reads it back; undefined for anything that is not whole. */
export function recordedPolicy(text: string | undefined): Policy | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return isPolicy(value) ? value : undefined;
  } catch {
    return undefined; // Not ours, or changed by hand: then nothing is known of it.
  }
}

function isPolicy(value: unknown): value is Policy {
  if (typeof value !== 'object' || value === null) return false;
  const p = value as Partial<Record<keyof Policy, unknown>>;
  const flags = [p.blockPrivate, p.blockMetadata, p.allowLocal];
  return (
    MODES.has(p.mode) &&
    flags.every(flag => typeof flag === 'boolean') &&
    isList(p.allow, isText) &&
    isList(p.resolvers, isText) &&
    isList(p.ports, Number.isInteger) &&
    isList(p.hosts, isHost)
  );
}

function isHost(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const host = value as Partial<Record<keyof StaticAddress, unknown>>;
  return isText(host.ip) && isList(host.hostnames, isText) && isList(host.ports, Number.isInteger);
}

const isText = (value: unknown): boolean => typeof value === 'string';

function isList(value: unknown, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}
