import { isCancelled, messageOf } from '../base/errors.ts';
import type { FlowDeps } from './deps.ts';
import type { OwnedSlot } from './owned.ts';

/** Milliseconds after its start during which a container's init may not yet take the request to shut down. */
const YOUNG_MS = 60_000;
const LIMIT_MS = 15_000;

/**
 * Ends as soon as systemd listens at its own socket, which it opens after it has set up its signals; at once where there is
 * no systemd, and after 10 s in any case.
 */
const WAIT = [
  '[ -e /usr/lib/systemd/systemd ] || [ -e /lib/systemd/systemd ] || exit 0',
  'i=0; while [ ! -S /run/systemd/private ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done',
].join('\n');

/**
 * Makes a container able to shut down gracefully: a paused one is resumed (Incus does so too, but the request is lost then),
 * and the init of one that has just started is waited for, as it would not hear the request (not when it is to be forced anyway). Gives whether it runs.
 * Whether it worked only decides how long the stop takes, so a failure is no more than a line in the log.
 */
export async function settleForStop(
  deps: FlowDeps,
  slot: OwnedSlot,
  gracefully: boolean,
  signal?: AbortSignal,
): Promise<boolean> {
  const { name, instance } = slot;
  if (!instance.running && !instance.frozen) return false;
  const given = signal === undefined ? {} : { signal };
  try {
    if (instance.frozen) await deps.incus.setState(name, 'unfreeze', given);
    if (gracefully && isYoung(instance.lastUsedAt)) {
      const limit = AbortSignal.timeout(LIMIT_MS);
      const both = signal === undefined ? limit : AbortSignal.any([signal, limit]);
      await deps.incus.exec(name, ['/bin/sh', '-c', WAIT], { signal: both });
    }
  } catch (error) {
    if (signal?.aborted === true && isCancelled(error)) throw error;
    deps.log.warn(`Waiting until ${name} can shut down failed: ${messageOf(error)}`);
  }
  return true;
}

function isYoung(startedAt: string | undefined): boolean {
  return startedAt === undefined || Date.now() - Date.parse(startedAt) < YOUNG_MS;
}
