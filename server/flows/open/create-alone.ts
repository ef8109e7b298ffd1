import { setTimeout as wait } from 'node:timers/promises';
import type { Incus } from '../../incus/client.ts';
import { IncusError } from '../../incus/errors.ts';
import type { CreateInstance } from '../../incus/types/instance.ts';
import type { OnProgress } from '../../incus/types/operation.ts';
import { LostRace } from './reservation.ts';

/** How often it is tried, and the longest pause before another attempt (ms). */
const ATTEMPTS = 4;
const PAUSE = 200;

/**
 * Creates an instance, or fails with `LostRace` where there is one of that name. Of two that are created at the same moment Incus (6.0)
 * sometimes turns away both; then neither is there, and it is tried again.
 */
export async function createAlone(
  incus: Incus,
  instance: CreateInstance,
  o: { signal: AbortSignal; onProgress: OnProgress },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await incus.createInstance(instance, o);
    } catch (error) {
      if (!(error instanceof IncusError) || error.reason !== 'exists') throw error;
      await wait(Math.random() * PAUSE);
      const isThere = (await incus.instance(instance.name)) !== undefined;
      if (isThere || attempt === ATTEMPTS) throw new LostRace(instance.name, error);
    }
  }
}
