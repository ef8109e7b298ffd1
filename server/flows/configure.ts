import { Failure } from '../base/errors.ts';
import { IncusError } from '../incus/errors.ts';
import type { InstanceFragment } from '../incus/types/config.ts';
import { parseDestination } from '../network/destinations.ts';
import { POLICY_KEY, recordedPolicy } from '../network/record.ts';
import type { Mode } from '../network/types.ts';
import { liveLimits } from '../slots/live-limits.ts';
import type { FlowDeps } from './deps.ts';
import type { OwnedSlot } from './owned.ts';
import { tellOfProxy } from './proxy-inside.ts';
import { changing } from './stop.ts';

/** What may be changed of a slot while it runs. */
export interface SlotChange {
  container: string;
  /** Keys of Incus, and those of coi for the root disk; an empty value removes a limit. */
  limits: Record<string, string> | undefined;
  /** The mode, and hosts that the allow-list has from now on; they are added to it. */
  network?: { mode?: Mode | undefined; allow?: readonly string[] | undefined } | undefined;
}

/**
 * Changes a slot live. Fails with `invalid` for what would only count from the next start on. The disk comes first: making it larger
 * is the way out when it is full, which hinders every other change.
 */
export function configureSlot(deps: FlowDeps, change: SlotChange, signal: AbortSignal): Promise<void> {
  const { container, limits, network } = change;
  return changing(deps, container, undefined, signal, async slot => {
    const { instance } = slot;
    if (network !== undefined) await changeNetwork(deps, slot, network, signal);
    if (limits === undefined) return;
    const { config, devices } = liveLimits(limits, instance);
    if (devices !== undefined) await patch(deps, container, { devices }, signal);
    if (config !== undefined) await patch(deps, container, { config }, signal);
    deps.limits.renew(container);
  });
}

async function changeNetwork(
  deps: FlowDeps,
  slot: OwnedSlot,
  { mode, allow }: NonNullable<SlotChange['network']>,
  signal: AbortSignal,
): Promise<void> {
  requireDestinations(allow ?? []);
  const before = recordedPolicy(slot.instance.config[POLICY_KEY])?.allow ?? [];
  const { proxyAdded } = await deps.networks.change(
    slot.name,
    {
      ...(mode === undefined ? {} : { mode }),
      ...(allow === undefined ? {} : { allow: [...new Set([...before, ...allow])] }),
    },
    signal,
  );
  if (proxyAdded) await tellOfProxy(deps, slot, signal);
}

/** Fails with `invalid` for what cannot be an entry of an allow-list. */
export function requireDestinations(hosts: readonly string[]): void {
  const wrong = hosts.find(entry => parseDestination(entry) === undefined);
  if (wrong !== undefined) throw new Failure('invalid', `${JSON.stringify(wrong)} is no host, address or network.`);
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
