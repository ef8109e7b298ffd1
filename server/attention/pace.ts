/** Milliseconds between two runs, and between two runs of somebody who has used up the quick ones. */
const QUICK = 50;
const SLOW = 1000;
/** Quick runs that somebody may have in a row; one comes back with every second. */
const BURST = 40;

/**
 * Runs work when it is asked for: at once, never two at a time, once more when it was asked for meanwhile, and at a slow
 * pace for somebody who asks without end, since those who ask are inside a container.
 */
export class Pace {
  readonly #work: () => Promise<void>;
  #left = BURST;
  #lastAt = Number.NEGATIVE_INFINITY;
  #running = false;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Asks for a run. */
  ask(): void {
    if (this.#ended) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    if (this.#timer !== undefined) return;
    const since = performance.now() - this.#lastAt;
    const wait = Math.max(0, (this.#left > 0 ? QUICK : SLOW) - since);
    if (wait === 0) void this.#run();
    else this.#timer = setTimeout(() => void this.#run(), wait).unref();
  }

  /** No run starts any more. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    const now = performance.now();
    this.#left = Math.min(BURST, this.#left + Math.floor((now - this.#lastAt) / SLOW)) - 1;
    if (this.#left < 0) this.#left = 0;
    this.#lastAt = now;
    this.#running = true;
    try {
      await this.#work();
    } finally {
      this.#running = false;
      if (this.#again && !this.#ended) {
        this.#again = false;
        this.ask();
      }
    }
  }
}
