import { Failure } from '../base/errors.ts';
import type { SessionChange, SessionRecord } from './types.ts';

/** Where a session is opened. */
export type OpenPlace = Pick<SessionRecord, 'path' | 'persistent' | 'container' | 'incus' | 'slot'>;

/**
 * What becomes of a record when its session is opened: it is saved as of now, as coi notes it. `seenAt` is as of when it was saved when
 * it was read for that. Fails with `conflict` when somebody has opened it elsewhere since.
 */
export function taken(now: SessionRecord, seenAt: string, place: OpenPlace): SessionChange {
  // Of two opens of one container Incus turns one away.
  if (now.savedAt !== seenAt && now.container !== place.container) throw openedElsewhere(now);
  return { ...place, savedAt: new Date().toISOString() };
}

/** What makes a record again what it was before its session was opened. */
export function givenBack(before: SessionRecord): SessionChange {
  const { container, incus, slot, persistent, path, pathUnsaid, heldAt, savedAt } = before;
  return { container, incus, slot, persistent, path, pathUnsaid, heldAt, savedAt };
}

function openedElsewhere({ id, container }: SessionRecord): Failure {
  const where = container === undefined ? '' : ` in ${container}`;
  return new Failure('conflict', `Another program has just opened the session ${id}${where}.`, {
    hint: 'Go on with it there, or try again when it has ended.',
  });
}
