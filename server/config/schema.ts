import { CONTAINER_KEYS } from './keys-container.ts';
import { NETWORK_KEYS } from './keys-network.ts';
import { SECURITY_KEYS } from './keys-security.ts';
import { TOOL_KEYS } from './keys-tool.ts';
import type { KeySpec } from './spec.ts';
import type { ConfigKey } from './values.ts';

/** Every key, in the order in which it is shown. */
export const SCHEMA: ReadonlyMap<ConfigKey, KeySpec> = new Map(
  [...CONTAINER_KEYS, ...TOOL_KEYS, ...NETWORK_KEYS, ...SECURITY_KEYS].map(spec => [spec.key, spec]),
);

/** The specification of a key that is known. */
export function specOf(name: ConfigKey): KeySpec {
  const spec = SCHEMA.get(name);
  if (spec === undefined) throw new Error(`The configuration key ${name} has no specification.`);
  return spec;
}

/** Whether a dotted name is a key. */
export function isKey(name: string): name is ConfigKey {
  return (SCHEMA as ReadonlyMap<string, KeySpec>).has(name);
}

/** Keys that only settings, or only the root of a profile, may give. */
export const NOT_IN_FILES: ReadonlySet<string> = new Set(['maxSlots']);
/** Root keys of a profile, and what they are elsewhere. */
export const PROFILE_ROOT: Readonly<Record<string, ConfigKey>> = {
  forward_env: 'defaults.forward_env',
  environment: 'defaults.environment',
  env_commands: 'defaults.env_commands',
  env_command_timeout: 'defaults.env_command_timeout',
  context: 'context',
};
