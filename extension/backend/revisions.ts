import type { Snapshot, StateChange } from '../../server/protocol/types.ts';

/** Where the changes of one connection go, in the order of their revisions. */
export interface Sink {
  onSnapshot(snapshot: Snapshot): void;
  onChange(change: StateChange): void;
  /** The whole state could not be had, so that nothing after it can be placed. */
  onFailed(error: unknown): void;
}

/** Passes changes on, and gets the whole state again where one is missing. One per connection. */
export class Revisions {
  readonly #sink: Sink;
  readonly #fetch: () => Promise<Snapshot>;
  #revision: number | undefined;
  #held: StateChange[] = [];

  /** `fetch` asks for the whole state. */
  constructor(sink: Sink, fetch: () => Promise<Snapshot>) {
    this.#sink = sink;
    this.#fetch = fetch;
  }

  /** Begins anew from the whole state; what was held back meanwhile follows. */
  reset(snapshot: Snapshot): void {
    this.#revision = snapshot.revision;
    this.#sink.onSnapshot(snapshot);
    for (const change of this.#held.splice(0)) this.take(change);
  }

  /** Takes one change as it came. */
  take(change: StateChange): void {
    if (this.#revision === undefined) {
      this.#held.push(change);
      return;
    }
    if (change.revision <= this.#revision) return;
    if (change.revision === this.#revision + 1) {
      this.#revision = change.revision;
      this.#sink.onChange(change);
      return;
    }
    this.#revision = undefined;
    this.#fetch().then(
      snapshot => this.reset(snapshot),
      error => this.#sink.onFailed(error),
    );
  }
}
