/** Of the time that goes by, work on one thing takes this part at most. */
const PART = 1 / 5;

/** Work that is done again and again for many things, for each of them at once and then not before a time has passed. */
export class Unhurried {
  readonly #work: (id: string) => Promise<void>;
  readonly #every: (id: string) => number;
  readonly #last = new Map<string, { at: number; took: number }>();
  readonly #running = new Map<string, { again: boolean }>();
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  /**
   * `work` never fails; `every` says how long after the begin of a run (ms) another one of the same thing begins at the earliest. One that
   * takes long is followed by a longer pause.
   */
  constructor(work: (id: string) => Promise<void>, every: (id: string) => number) {
    this.#work = work;
    this.#every = every;
  }

  /** Asks for the work; what is asked for while it waits is the same run, and while it is done one more. */
  ask(id: string): void {
    const running = this.#running.get(id);
    if (running !== undefined) running.again = true;
    if (running !== undefined || this.#waiting.has(id)) return;
    const wait = this.#notBefore(id) - performance.now();
    if (wait <= 0) void this.#run(id);
    else this.#waiting.set(id, setTimeout(() => void this.#run(id), wait).unref());
  }

  /** Forgets what is not asked for any more. */
  forget(id: string): void {
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
    this.#running.delete(id);
    this.#last.delete(id);
  }

  close(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    this.#running.clear();
  }

  #notBefore(id: string): number {
    const last = this.#last.get(id);
    return last === undefined ? Number.NEGATIVE_INFINITY : last.at + Math.max(this.#every(id), last.took / PART);
  }

  async #run(id: string): Promise<void> {
    this.#waiting.delete(id);
    const run = { again: false };
    this.#running.set(id, run);
    const at = performance.now();
    await this.#work(id);
    if (this.#running.get(id) !== run) return;
    this.#running.delete(id);
    this.#last.set(id, { at, took: performance.now() - at });
    if (run.again) this.ask(id);
  }
}
