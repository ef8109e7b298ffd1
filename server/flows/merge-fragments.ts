import { requireWholeLines } from '../incus/raw-lxc.ts';
import type { InstanceFragment } from '../incus/types/config.ts';

/** Keys whose value is a list of lines that several rooms may add to. */
const LISTS: ReadonlySet<string> = new Set(['raw.idmap', 'raw.lxc']);

/**
 * One definition from the parts that the rooms gave; of a key or device that two give, the later wins. Fails with `isolation` for
 * text that would put lines of its own into `raw.lxc`.
 */
export function mergeFragments(...fragments: InstanceFragment[]): Required<InstanceFragment> {
  const config: Record<string, string> = {};
  const devices: Record<string, Record<string, string>> = {};
  for (const fragment of fragments) {
    for (const [key, value] of Object.entries(fragment.config ?? {})) {
      if (key === 'raw.lxc') requireWholeLines(value);
      const before = config[key];
      config[key] = LISTS.has(key) && before !== undefined ? `${before}\n${value}` : value;
    }
    Object.assign(devices, fragment.devices);
  }
  return { config, devices };
}

/** Without what has the empty value, which means "not set": restricted projects forbid some keys by name, whatever they hold. */
export function withoutEmpty(config: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== ''));
}
