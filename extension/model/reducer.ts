import type { IncusState, Session, Slot, Snapshot, StateChange } from '../../server/protocol/types.ts';
import { agentIsGone, isOpening } from './selectors.ts';

/** The mirror of the backend's state, indexed. Never mutated: each change makes a new one. */
export interface Mirror {
  readonly incus: IncusState;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly sessions: ReadonlyMap<string, Session>;
}

/** What differs between two mirrors: the ids of slots (containers) and sessions that changed, came or went. */
export interface Difference {
  readonly incus: boolean;
  readonly slots: ReadonlySet<string>;
  readonly sessions: ReadonlySet<string>;
  /** Paths of the workspaces in which a row came or went. */
  readonly structure: ReadonlySet<string>;
}

/** Before the first snapshot. */
export const EMPTY_MIRROR: Mirror = {
  incus: { status: 'connecting' },
  slots: new Map(),
  sessions: new Map(),
};

/** Indexes a snapshot. */
export function fromSnapshot(snapshot: Snapshot): Mirror {
  return {
    incus: snapshot.incus,
    slots: new Map(snapshot.slots.map(slot => [slot.container, slot])),
    sessions: new Map(snapshot.sessions.map(session => [session.id, session])),
  };
}

/** Applies a change that is known to follow what the mirror holds. */
export function applyChange(mirror: Mirror, change: StateChange): Mirror {
  const slots = new Map(mirror.slots);
  const sessions = new Map(mirror.sessions);
  for (const slot of change.slots ?? []) slots.set(slot.container, slot);
  for (const session of change.sessions ?? []) sessions.set(session.id, session);
  for (const container of change.gone?.slots ?? []) slots.delete(container);
  for (const id of change.gone?.sessions ?? []) sessions.delete(id);
  return { incus: change.incus ?? mirror.incus, slots, sessions };
}

/** Compares two mirrors by value, so that a new snapshot after a reconnect redraws only what really changed. */
export function differenceOf(before: Mirror, after: Mirror): Difference {
  const slots = changedKeys(before.slots, after.slots);
  const sessions = changedKeys(before.sessions, after.sessions);
  return {
    incus: !sameValue(before.incus, after.incus),
    slots: slots.changed,
    sessions: sessions.changed,
    structure: new Set([...slots.structure, ...sessions.structure]),
  };
}

/** Whether a difference is worth telling anybody. */
export function isEmpty(difference: Difference): boolean {
  return !difference.incus && difference.slots.size === 0 && difference.sessions.size === 0;
}

function changedKeys<T extends Slot | Session>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): { changed: Set<string>; structure: Set<string> } {
  const changed = new Set<string>();
  const structure = new Set<string>();
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old !== undefined && sameValue(old, value)) continue;
    changed.add(key);
    if (old === undefined || livesElsewhere(old, value)) structure.add(value.workspace);
  }
  for (const [key, value] of before) {
    if (after.has(key)) continue;
    structure.add(value.workspace);
    changed.add(key);
  }
  return { changed, structure };
}

/** A session that is no longer live or about to be, or whose agent is gone, moves into the history; one that names another slot moves there. */
function livesElsewhere(old: Slot | Session, value: Slot | Session): boolean {
  const place = (row: Slot | Session): unknown[] =>
    'live' in row ? [row.live, row.slot] : [row.session, row.slot, agentIsGone(row), isOpening(row)];
  return !sameValue(place(old), place(value));
}

function sameValue(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}
