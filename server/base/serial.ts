/** Runs work on the same key one after the other, and on different keys side by side. */
export class Serial {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` when everything that was asked for this key before has ended, well or not. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(work, work);
    const tail = result
      .catch(() => undefined)
      .finally(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return result;
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
