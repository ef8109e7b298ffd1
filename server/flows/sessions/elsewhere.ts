import { Failure, messageOf } from '../../base/errors.ts';
import { Incus } from '../../incus/client.ts';
import { exists } from '../../incus/target.ts';
import type { Instance } from '../../incus/types/instance.ts';
import type { IncusPlace, SessionRecord } from '../../sessions/types.ts';
import { identify } from '../../slots/keys.ts';
import type { FlowDeps } from '../deps.ts';

/** How long the other Incus has to answer (ms). */
const ANSWERS_WITHIN = 5000;

/**
 * Sessions are the user's, whatever Incus or project their containers are in. Fails with `conflict` when the agent of a session runs in
 * another than this backend's, or when that does not answer.
 */
export async function refuseElsewhere(deps: FlowDeps, record: SessionRecord): Promise<void> {
  const { id, incus: place, container } = record;
  const { socketPath, project } = deps.incus.target;
  if (place === undefined || container === undefined) return;
  if (place.socketPath === socketPath && place.project === project) return;
  // An Incus that was taken away runs nothing.
  if (!(await exists(place.socketPath))) return;
  const where = `in ${container} of the Incus project ${place.project} (${place.socketPath})`;
  let found: Instance | undefined;
  try {
    found = await instanceThere(deps, place, container);
  } catch (error) {
    throw new Failure(
      'conflict',
      `The session ${id} was last opened ${where}, and nobody can tell whether it is live.`,
      {
        hint: 'Have that Incus answer, then try again.',
        detail: messageOf(error),
      },
    );
  }
  if (found === undefined || !(found.running || found.frozen) || identify(found)?.session !== id) return;
  throw new Failure('conflict', `The session ${id} is live ${where}.`, { hint: 'Close its slot there first.' });
}

async function instanceThere(deps: FlowDeps, place: IncusPlace, container: string): Promise<Instance | undefined> {
  const incus = new Incus(place, deps.log);
  try {
    return (await incus.instance(container, AbortSignal.timeout(ANSWERS_WITHIN)))?.instance;
  } finally {
    await incus.close();
  }
}
