import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import { IncusError } from '../incus/errors.ts';
import type { Instance, SetState } from '../incus/types/instance.ts';
import { slotConfig } from './keys.ts';

/** Seconds that Incus has for ending a container by force before we say that it cannot. */
const FORCE_SECONDS = 30;

/** Milliseconds that another program's change of the same container is waited for, and between two attempts. */
const BUSY_FOR = 15_000;
const BUSY_EVERY = 150;

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

/** Tries again while another program changes the same container: Incus does one thing at a time with each. */
async function whenFree(work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
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
