import type { Log } from '../base/log.ts';

/** What decides about staying. */
export interface Circumstances {
  clients: number;
  /** Requests and other work under way. */
  busy: number;
  duties: readonly string[];
  permissionLost: boolean;
}

/**
 * Ends a backend that nobody needs: when no client has been there for a while, nothing is under way and there is no duty. A
 * backend without permission serves no duty and goes with its last client: a new one may be in the right group.
 */
export class Life {
  readonly #idleExit: number;
  readonly #look: () => Circumstances;
  readonly #end: (why: string) => void;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  #served = false;

  /** `idleExit` in milliseconds. */
  constructor(idleExit: number, look: () => Circumstances, end: (why: string) => void, log: Log) {
    this.#idleExit = idleExit;
    this.#look = look;
    this.#end = end;
    this.#log = log;
  }

  /** Looks at the circumstances again; called when they have changed. */
  consider(): void {
    if (this.#over) return;
    const { clients, busy, permissionLost } = this.#look();
    if (clients > 0) {
      this.#served = true;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    if (permissionLost && busy === 0 && this.#served)
      this.#finish('Incus refuses this process, and nobody is connected');
    else this.#timer ??= setTimeout(() => this.#elapsed(), this.#idleExit);
  }

  /** Decides nothing any more. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #elapsed(): void {
    this.#timer = undefined;
    const { busy, duties } = this.#look();
    if (busy === 0 && duties.length === 0) {
      this.#finish('nobody is connected');
      return;
    }
    this.#log.debug(`stays without a client: ${busy} under way, duties: ${duties.join(', ')}`);
    this.consider();
  }

  #finish(why: string): void {
    this.stop();
    this.#end(why);
  }
}
