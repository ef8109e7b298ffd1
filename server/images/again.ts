import { setTimeout as sleep } from 'node:timers/promises';
import { IncusError } from '../incus/errors.ts';

/** Milliseconds before the next attempts. */
const DELAYS = [300, 1000, 3000];

/**
 * Repeats work that failed because Incus could not start its process, which then did nothing. On a busy machine that happens to one
 * exec in some thousands, and a build of many minutes should not end by it.
 */
export async function whenStarted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const delay of DELAYS) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof IncusError) || error.reason !== 'no-processes' || signal.aborted) throw error;
    }
    await sleep(delay);
  }
  return work();
}
