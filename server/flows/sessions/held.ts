/** What a container held, and as of when its record was saved; undefined where there was none. */
interface Held {
  id: string;
  savedAt: string | undefined;
}

/** Which session each container was last seen to hold, also while it is stopped. */
export class HeldSessions {
  readonly #held = new Map<string, Held>();
  readonly #savedAt: (id: string) => string | undefined;
  readonly #left: (id: string, savedAt: string) => void;

  /** `savedAt`: as of when a session's record is known; `left` is told of a session that no container holds any more, as of when it was held. */
  constructor(savedAt: (id: string) => string | undefined, left: (id: string, savedAt: string) => void) {
    this.#savedAt = savedAt;
    this.#left = left;
  }

  /** Notes what a container holds now. */
  note(container: string, id: string | undefined): void {
    const before = this.#held.get(container);
    if (id === undefined) this.#held.delete(container);
    else this.#held.set(container, { id, savedAt: this.#savedAt(id) });
    if (before === undefined || before.id === id || before.savedAt === undefined) return;
    if (![...this.#held.values()].some(held => held.id === before.id)) this.#left(before.id, before.savedAt);
  }
}
