import type { SlotReach } from '../protocol/methods.ts';
import type { FlowDeps } from './deps.ts';
import type { OwnedSlot } from './owned.ts';

/** What the network of a slot lets through. */
export async function networkReach(_deps: FlowDeps, slot: OwnedSlot): Promise<SlotReach['network']> {
  const mode = slot.instance.config['user.incus-agents.network'];
  return { mode: mode === 'restricted' || mode === 'allowlist' || mode === 'open' ? mode : 'unknown' };
}
