import { IncusError } from '../incus/errors.ts';
import type { InstanceFragment } from '../incus/types.ts';
import { liveLimits } from '../slots/live-limits.ts';
import type { FlowDeps } from './deps.ts';
import { changing } from './stop.ts';

/** What may be changed of a slot while it runs. */
export interface SlotChange {
  container: string;
  /** Keys of Incus, and those of coi for the root disk; an empty value removes a limit. */
  limits: Record<string, string> | undefined;
}

/**
 * Changes a slot live. Fails with `invalid` for what would only count from the next start on. The disk comes first: making it larger
 * is the way out when it is full, which hinders every other change.
 */
export function configureSlot(deps: FlowDeps, change: SlotChange, signal: AbortSignal): Promise<void> {
  const { container, limits } = change;
  return changing(deps, container, undefined, signal, async ({ instance }) => {
    if (limits === undefined) return;
    const { config, devices } = liveLimits(limits, instance);
    if (devices !== undefined) await patch(deps, container, { devices }, signal);
    if (config !== undefined) await patch(deps, container, { config }, signal);
    deps.limits.renew(container);
  });
}

/** With a full disk Incus says that it failed, although it holds: then what it has now decides. */
async function patch(deps: FlowDeps, container: string, part: InstanceFragment, signal: AbortSignal): Promise<void> {
  try {
    await deps.incus.patchInstance(container, part, { signal });
  } catch (error) {
    if (!(error instanceof IncusError)) throw error;
    const now = (await deps.incus.instance(container, signal))?.instance;
    const config = Object.entries(part.config ?? {}).every(([key, value]) => (now?.config[key] ?? '') === value);
    const root = Object.entries(part.devices?.root ?? {}).every(([key, value]) => now?.devices.root?.[key] === value);
    if (now === undefined || !config || !root) throw error;
    deps.log.warn(`Changing ${container} was refused, but holds: ${error.message}`);
  }
}
