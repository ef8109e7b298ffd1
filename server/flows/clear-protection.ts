import { messageOf } from '../base/errors.ts';
import { clearStale } from '../workspace/protection/stale.ts';
import type { FlowDeps } from './deps.ts';

/**
 * Clears flags and placeholders of slots whose end nobody saw: after a crash of the host, and after a start that was refused once they
 * were set, since LXC runs no further hook then. A failure is logged: the next start of any slot clears them too.
 */
export async function clearProtection(deps: FlowDeps): Promise<void> {
  try {
    const { stale } = await clearStale(deps.incus);
    if (stale.length > 0) deps.log.warn(`The protections of ${stale.join(', ')} could not be cleared.`);
  } catch (error) {
    deps.log.error(`Clearing what slots left protected failed: ${messageOf(error)}`);
  }
}
