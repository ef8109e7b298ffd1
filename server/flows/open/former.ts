import type { InstanceFragment } from '../../incus/types/config.ts';
import { AT_REST, slotConfig } from '../../slots/keys.ts';
import type { FlowDeps } from '../deps.ts';
import { withoutEmpty } from '../merge-fragments.ts';

/** What a container was before an open redefined it, without what Incus itself notes in it. */
export type Former = Required<InstanceFragment>;

const [KEY = ''] = Object.keys(slotConfig({ former: '' }));
const [SESSION = ''] = Object.keys(slotConfig({ session: '' }));

/** What `current` is, to be restored if the open fails. */
export function formerOf(current: Former): Former {
  return { config: Object.fromEntries(Object.entries(current.config).filter(isOwn)), devices: current.devices };
}

/** The key by which the next backend knows it, should this one be killed meanwhile. */
export function formerConfig(former: Former): Record<string, string> {
  return slotConfig({ former: JSON.stringify(former) });
}

/** What an open that was interrupted had noted; undefined when it had redefined nothing yet, and for what no open wrote. */
export function notedFormer(config: Readonly<Record<string, string>>): Former | undefined {
  try {
    const value: unknown = JSON.parse(config[KEY] || 'null');
    return isRecord(value) && isRecord(value.config) && isRecord(value.devices)
      ? (value as unknown as Former)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a stopped container what it was, and free to be taken again. */
export async function restore(deps: FlowDeps, container: string, former: Former | undefined): Promise<void> {
  if (former === undefined) return deps.incus.patchInstance(container, { config: AT_REST });
  await deps.incus.putInstance(container, current => {
    const noted = Object.entries(current.config).filter(entry => !isOwn(entry));
    const config = withoutEmpty({ ...Object.fromEntries(noted), ...former.config, ...AT_REST });
    return { ...current, config, devices: former.devices };
  });
}

/** The id of the session that a container held then. */
export function sessionIn({ config }: Former): string | undefined {
  return config[SESSION] || undefined;
}

function isOwn([key]: [string, string]): boolean {
  return !key.startsWith('volatile.');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
