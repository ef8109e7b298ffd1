/** What work on a key gets: aborted when somebody else's work takes its place. */
export type Overruled = AbortSignal;

/** Runs work on the same key one after the other, and on different keys side by side. */
export class Serial {
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #under = new Map<string, Set<AbortController>>();

  /** Runs `work` when everything that was asked for this key before has ended, well or not; not at all when it was overruled by then. */
  run<T>(key: string, work: (overruled: Overruled) => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const own = new AbortController();
    const under = this.#under.get(key) ?? new Set();
    this.#under.set(key, under.add(own));
    const turn = () => {
      own.signal.throwIfAborted();
      return work(own.signal);
    };
    const result = before.then(turn, turn);
    const tail = result
      .catch(() => undefined)
      .finally(() => {
        under.delete(own);
        if (this.#tails.get(key) !== tail) return;
        this.#tails.delete(key);
        this.#under.delete(key);
      });
    this.#tails.set(key, tail);
    return result;
  }

  /** Aborts with `reason` what is under way or waiting for this key, as far as it heeds that; whether there was anything. */
  overrule(key: string, reason: Error): boolean {
    const under = [...(this.#under.get(key) ?? [])];
    for (const each of under) each.abort(reason);
    return under.length > 0;
  }

  /** Whether work on this key is under way or waiting. */
  has(key: string): boolean {
    return this.#tails.has(key);
  }

  /** How many keys have work under way or waiting. */
  get busy(): number {
    return this.#tails.size;
  }

  /** Settles when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
