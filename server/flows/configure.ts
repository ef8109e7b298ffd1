import { checkLiveLimits } from '../slots/limits.ts';
import type { FlowDeps } from './deps.ts';
import { changing } from './stop.ts';

/** What may be changed of a slot while it runs. */
export interface SlotChange {
  container: string;
  /** Incus keys and values; an empty value removes a limit. */
  limits: Record<string, string> | undefined;
}

/** Changes a slot live. Fails with `invalid` for what would only count from the next start on. */
export function configureSlot(deps: FlowDeps, change: SlotChange, signal: AbortSignal): Promise<void> {
  const { container, limits } = change;
  return changing(deps, container, undefined, signal, async () => {
    if (limits === undefined) return;
    checkLiveLimits(limits);
    await deps.incus.patchInstance(container, { config: limits }, { signal });
  });
}
