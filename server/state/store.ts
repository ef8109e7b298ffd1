import { isDeepStrictEqual } from 'node:util';
import type { IncusState, Session, Slot, Snapshot, StateChange } from '../protocol/types.ts';

interface Pending {
  incus: boolean;
  slots: Set<string>;
  sessions: Set<string>;
}

/**
 * What every client mirrors. Changes of one turn of the event loop go out as one StateChange with the next revision;
 * setting what is there already is no change.
 */
export class StateStore {
  #revision = 0;
  #incus: IncusState = { status: 'connecting' };
  readonly #slots = new Map<string, Slot>();
  readonly #sessions = new Map<string, Session>();
  readonly #listeners = new Set<(change: StateChange) => void>();
  #pending: Pending | undefined;

  /** The state as of now; what is pending is sent first, so that the revision fits. */
  snapshot(): Snapshot {
    this.#flush();
    return {
      revision: this.#revision,
      incus: this.#incus,
      slots: [...this.#slots.values()],
      sessions: [...this.#sessions.values()],
    };
  }

  /** Calls `listener` with each change; gives the function that ends it. */
  onChange(listener: (change: StateChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get incus(): IncusState {
    return this.#incus;
  }

  setIncus(state: IncusState): void {
    if (isDeepStrictEqual(this.#incus, state)) return;
    this.#incus = state;
    this.#changed().incus = true;
  }

  slot(container: string): Slot | undefined {
    return this.#slots.get(container);
  }

  slots(): Slot[] {
    return [...this.#slots.values()];
  }

  /** Sets or, with undefined, removes a slot. */
  setSlot(container: string, slot: Slot | undefined): void {
    if (!replace(this.#slots, container, slot)) return;
    this.#changed().slots.add(container);
  }

  /** Sets or, with undefined, removes a session. */
  setSession(id: string, session: Session | undefined): void {
    if (!replace(this.#sessions, id, session)) return;
    this.#changed().sessions.add(id);
  }

  #changed(): Pending {
    if (this.#pending === undefined) {
      this.#pending = { incus: false, slots: new Set(), sessions: new Set() };
      setImmediate(() => this.#flush());
    }
    return this.#pending;
  }

  #flush(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    this.#revision += 1;
    const slots = split(pending.slots, this.#slots);
    const sessions = split(pending.sessions, this.#sessions);
    const gone = {
      ...(slots.gone.length > 0 ? { slots: slots.gone } : {}),
      ...(sessions.gone.length > 0 ? { sessions: sessions.gone } : {}),
    };
    const change: StateChange = {
      revision: this.#revision,
      ...(pending.incus ? { incus: this.#incus } : {}),
      ...(slots.there.length > 0 ? { slots: slots.there } : {}),
      ...(sessions.there.length > 0 ? { sessions: sessions.there } : {}),
      ...(Object.keys(gone).length > 0 ? { gone } : {}),
    };
    for (const listener of this.#listeners) listener(change);
  }
}

function replace<T>(map: Map<string, T>, key: string, value: T | undefined): boolean {
  if (value === undefined) return map.delete(key);
  if (isDeepStrictEqual(map.get(key), value)) return false;
  map.set(key, value);
  return true;
}

function split<T>(keys: ReadonlySet<string>, map: ReadonlyMap<string, T>): { there: T[]; gone: string[] } {
  const there: T[] = [];
  const gone: string[] = [];
  for (const key of keys) {
    const value = map.get(key);
    if (value === undefined) gone.push(key);
    else there.push(value);
  }
  return { there, gone };
}
