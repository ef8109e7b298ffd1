import type { SlotReach } from '../protocol/methods.ts';
import type { FlowDeps } from './deps.ts';
import type { OwnedSlot } from './owned.ts';

/** What the network of a slot lets through; `verified` is what the kernel's rules say about it. */
export async function networkReach(
  deps: FlowDeps,
  { instance }: OwnedSlot,
  signal: AbortSignal,
): Promise<SlotReach['network']> {
  const found = await deps.networks.look(instance, signal);
  if (found === undefined) return { mode: 'unknown' };
  const { policy, verified, blocked } = found;
  return {
    mode: policy.mode,
    verified,
    ...(policy.mode === 'allowlist' ? { allowed: [...policy.allow] } : {}),
    ...(policy.mode === 'open' ? {} : { blocked }),
  };
}
