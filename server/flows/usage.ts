import type { SlotUsage } from '../protocol/methods.ts';
import type { FlowDeps } from './deps.ts';
import { ownedSlot } from './owned.ts';

/** What a slot uses right now; all zero for one that does not run. Notes the address on the way, which has no event. */
export async function slotUsage(deps: FlowDeps, name: string, signal: AbortSignal): Promise<SlotUsage> {
  const slot = await ownedSlot(deps, name, signal);
  if (slot.instance.running) deps.limits.look(name);
  const state = await deps.incus.instanceState(name, signal);
  deps.board.note(name, { ip: state.ip });
  const limited = (slot.instance.expandedConfig['limits.memory'] ?? '') !== '';
  return {
    cpuSeconds: state.cpuNanoseconds / 1e9,
    memoryBytes: state.memoryBytes,
    processes: state.processes,
    ...(limited && state.memoryTotalBytes !== undefined ? { memoryLimitBytes: state.memoryTotalBytes } : {}),
    ...(state.diskBytes === undefined ? {} : { diskBytes: state.diskBytes }),
  };
}
