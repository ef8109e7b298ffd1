import { setTimeout as wait } from 'node:timers/promises';
import { Failure, isCancelled, messageOf } from '../../base/errors.ts';
import type { FlowDeps } from '../deps.ts';
import { INOTIFY_FIX, INOTIFY_NEEDED, inotifyInstances } from '../inotify.ts';
import { LostRace } from './reservation.ts';

/**
 * The failure to tell when something failed in a container that was just started. If the container has ended by itself, that is
 * what has to be said, with its usual cause: a system that may watch no files ends at once.
 */
export async function explainEarlyEnd(deps: FlowDeps, container: string, error: unknown): Promise<unknown> {
  // One that another program made is not ours to judge.
  if (error instanceof LostRace || isCancelled(error)) return error;
  // It did not start at all: the hooks refused, and have said why.
  if (error instanceof Failure && error.kind === 'isolation') return error;
  // Its first process may be dead half a second before Incus calls the container stopped.
  const text = messageOf(error);
  const dying = /invalid pid|instance is not running/i.test(text);
  // A script that is killed says 137, and one that can start nothing any more says what its shell does.
  const killed = /start script ended with exit code/.test(text);
  if (!dying && !(await hasEnded(deps, container, killed ? STOPS_WITHIN : 0))) return error;
  const allowed = await inotifyInstances();
  const few = allowed !== undefined && allowed < INOTIFY_NEEDED;
  const why = few
    ? ` This host allows few watchers (fs.inotify.max_user_instances = ${allowed}), which other slots may have used up.`
    : '';
  return new Failure('unavailable', `The container ${container} ended as soon as it had started.${why}`, {
    hint: few ? `Close other slots, or allow more: ${INOTIFY_FIX}` : 'Build the image again: its system may not start.',
    detail: messageOf(error),
    cause: error,
  });
}

/** Milliseconds until Incus says of a container whose processes were all killed that it has stopped; and between two looks. */
const STOPS_WITHIN = 3000;
const LOOK_EVERY = 100;

/** Whether it was made, and stops by itself within some milliseconds. */
async function hasEnded(deps: FlowDeps, container: string, within: number): Promise<boolean> {
  const end = performance.now() + within;
  try {
    for (;;) {
      const found = await deps.incus.instance(container);
      if (found === undefined) return false;
      if (found.instance.status === 'Stopped' && found.instance.lastUsedAt !== undefined) return true;
      if (performance.now() > end) return false;
      await wait(LOOK_EVERY);
    }
  } catch (error) {
    deps.log.debug(`Looking why the start of ${container} failed: ${messageOf(error)}`);
    return false; // Then the first failure says more.
  }
}
