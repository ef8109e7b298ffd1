import type { StateChange } from '../protocol/types.ts';

/** Two changes that follow each other as one: the newest whole object of each name, under the newer revision. */
export function mergeChanges(older: StateChange, newer: StateChange): StateChange {
  const slots = mergeObjects(older.slots, newer.slots, older.gone?.slots, newer.gone?.slots, slot => slot.container);
  const sessions = mergeObjects(
    older.sessions,
    newer.sessions,
    older.gone?.sessions,
    newer.gone?.sessions,
    session => session.id,
  );
  const incus = newer.incus ?? older.incus;
  const gone = {
    ...(slots.gone.length === 0 ? {} : { slots: slots.gone }),
    ...(sessions.gone.length === 0 ? {} : { sessions: sessions.gone }),
  };
  return {
    revision: newer.revision,
    ...(incus === undefined ? {} : { incus }),
    ...(slots.present.length === 0 ? {} : { slots: slots.present }),
    ...(sessions.present.length === 0 ? {} : { sessions: sessions.present }),
    ...(Object.keys(gone).length === 0 ? {} : { gone }),
  };
}

function mergeObjects<T>(
  older: readonly T[] = [],
  newer: readonly T[] = [],
  olderGone: readonly string[] = [],
  newerGone: readonly string[] = [],
  nameOf: (object: T) => string,
): { present: T[]; gone: string[] } {
  const present = new Map(older.map(object => [nameOf(object), object]));
  const gone = new Set(olderGone);
  for (const name of newerGone) {
    present.delete(name);
    gone.add(name);
  }
  for (const object of newer) {
    present.set(nameOf(object), object);
    gone.delete(nameOf(object));
  }
  return { present: [...present.values()], gone: [...gone] };
}
