import { setTimeout as sleep } from 'node:timers/promises';
import { IncusError } from './errors.ts';

/** Milliseconds that another change of the same container is waited for, and between two attempts. */
const BUSY_FOR = 15_000;
const BUSY_EVERY = 150;

/** Tries again while another program changes the same container: Incus does one thing at a time with each. */
export async function whenFree(work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
  const end = performance.now() + BUSY_FOR;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const busy = error instanceof IncusError && error.reason === 'busy';
      if (!busy || signal?.aborted === true || performance.now() > end) throw error;
    }
    await sleep(BUSY_EVERY);
  }
}
