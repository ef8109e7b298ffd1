import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import type { Instance } from '../incus/types.ts';
import { slotConfig } from './keys.ts';

/** Seconds that Incus has for ending a container by force before we say that it cannot. */
const FORCE_SECONDS = 30;

/**
 * Powers off: gracefully for `seconds`, then by force. A paused container is resumed by Incus first. With 0 seconds, at once.
 * Gives whether force was needed.
 */
export async function powerOff(incus: Incus, name: string, seconds: number, signal?: AbortSignal): Promise<boolean> {
  const abort = signal === undefined ? {} : { signal };
  if (seconds > 0) {
    try {
      await incus.setState(name, 'stop', { timeout: seconds, ...abort });
      return false;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'timeout') throw error;
    }
  }
  await incus.setState(name, 'stop', { force: true, timeout: FORCE_SECONDS, ...abort });
  return true;
}

/** Deletes a container whatever it is doing. One that is gone already is a success. */
export async function destroy(incus: Incus, name: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const found = await incus.instance(name);
    if (found === undefined) return;
    if (found.instance.running || found.instance.frozen) await powerOffIfThere(incus, name);
    try {
      await incus.deleteInstance(name);
      return;
    } catch (error) {
      // Somebody may have started it again between the two, or another stop may just be ending.
      if (attempt >= 2) throw error;
    }
  }
}

async function powerOffIfThere(incus: Incus, name: string): Promise<void> {
  try {
    await powerOff(incus, name, 0);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'not-found') throw error;
  }
}

/**
 * Takes a stopped container for an open, so that of several that try only one gets it.
 * Gives the instance with the claim on it. Fails with `conflict` when another was faster or it is not stopped any more.
 */
export async function claimStopped(
  incus: Incus,
  name: string,
  claim: string,
  backend: string,
  signal?: AbortSignal,
): Promise<Instance> {
  const found = await incus.instance(name, signal);
  if (found === undefined || found.instance.running || found.instance.frozen) {
    throw new Failure('conflict', `The container ${name} is not stopped any more.`, { hint: 'Try again.' });
  }
  await incus.patchInstance(
    name,
    { config: slotConfig({ claim, phase: 'starting', backend }) },
    { etag: found.etag, ...(signal === undefined ? {} : { signal }) },
  );
  return found.instance;
}
