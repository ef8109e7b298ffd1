import { rm } from 'node:fs/promises';
import { until } from './wait.ts';

/**
 * Removes a tree that may not be free at once: flags of a slot's protected files go a moment after its container, and what has just been
 * ended may still have written. Fails when it does not become free.
 */
export async function removeSoon(path: string): Promise<void> {
  await until(`${path} to be removed`, () => rm(path, { recursive: true, force: true }).then(() => true));
}
