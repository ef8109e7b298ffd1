/** Work that is done again and again for many things, for each of them at once and then not before a time has passed. */
export class Unhurried {
  readonly #work: (id: string) => Promise<void>;
  readonly #every: (id: string) => number;
  readonly #lastAt = new Map<string, number>();
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  /** `work` never fails; `every` says how long after a run (ms) another one of the same thing begins at the earliest. */
  constructor(work: (id: string) => Promise<void>, every: (id: string) => number) {
    this.#work = work;
    this.#every = every;
  }

  /** Asks for the work; what is asked for while it waits is the same run. */
  ask(id: string): void {
    if (this.#waiting.has(id)) return;
    const wait = (this.#lastAt.get(id) ?? Number.NEGATIVE_INFINITY) + this.#every(id) - performance.now();
    if (wait <= 0) this.#run(id);
    else this.#waiting.set(id, setTimeout(() => this.#run(id), wait).unref());
  }

  /** Forgets what is not asked for any more. */
  forget(id: string): void {
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
    this.#lastAt.delete(id);
  }

  close(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #run(id: string): void {
    this.#waiting.delete(id);
    this.#lastAt.set(id, performance.now());
    void this.#work(id);
  }
}
