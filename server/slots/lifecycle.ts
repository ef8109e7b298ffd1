import { Failure } from '../base/errors.ts';
import { whenFree } from '../incus/busy.ts';
import type { Incus } from '../incus/client.ts';
import { IncusError } from '../incus/errors.ts';
import type { Instance, SetState } from '../incus/types/instance.ts';
import { slotConfig } from './keys.ts';

/** Seconds that Incus has for ending a container by force before we say that it cannot. */
const FORCE_SECONDS = 30;

/**
 * Powers off: gracefully for `seconds`, then by force. With 0 seconds, at once. One that is gone meanwhile is a success.
 * Gives whether force was needed.
 */
export async function powerOff(incus: Incus, name: string, seconds: number, signal?: AbortSignal): Promise<boolean> {
  const abort = signal === undefined ? {} : { signal };
  if (seconds > 0) {
    try {
      await stop(incus, name, { timeout: seconds, ...abort });
      return false;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'timeout') throw error;
    }
  }
  await stop(incus, name, { force: true, timeout: FORCE_SECONDS, ...abort });
  return true;
}

/** Deletes a container whatever it is doing. One that is gone already is a success. */
export async function destroy(incus: Incus, name: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const found = await incus.instance(name);
    if (found === undefined) return;
    try {
      if (found.instance.running || found.instance.frozen) await powerOff(incus, name, 0);
      await whenFree(() => incus.deleteInstance(name));
      return;
    } catch (error) {
      // Somebody may have started it again between the two, another stop may just be ending, or Incus gave a stop up.
      if (attempt >= 2) throw error;
    }
  }
}

/** Stops it; whatever the refusal is called, a container that is gone is no failure. */
async function stop(incus: Incus, name: string, o: SetState): Promise<void> {
  try {
    await whenFree(() => incus.setState(name, 'stop', o), o.signal);
  } catch (error) {
    if (!(error instanceof IncusError) || (await incus.instance(name, o.signal)) !== undefined) throw error;
  }
}

/**
 * Takes a stopped container for an open, so that of several that try only one gets it: it must be as it was `found`.
 * Fails with `conflict` when another was faster.
 */
export async function claimStopped(
  incus: Incus,
  found: { instance: Instance; etag: string },
  claim: string,
  backend: string,
  signal?: AbortSignal,
): Promise<void> {
  await incus.patchInstance(
    found.instance.name,
    { config: slotConfig({ claim, phase: 'starting', backend, former: null }) },
    { etag: found.etag, ...(signal === undefined ? {} : { signal }) },
  );
}
