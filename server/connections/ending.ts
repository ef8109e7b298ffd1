import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Ending } from './service.ts';

/** Milliseconds that running work has to finish when the backend is replaced, and then to undo itself. */
const DRAIN_TIMEOUT = 10_000;
const UNDO_TIMEOUT = 10_000;
const CLOSE_TIMEOUT = 2_000;

/** What ends, in the order in which it is called. */
export interface Steps {
  /** New requests fail with this, and nobody new can connect. */
  refuse(refusal: Failure): void;
  /** Settles when nothing is under way any more. */
  quiet(): Promise<void>;
  /** Gives up what is under way; it undoes itself. */
  abort(reason: Failure): void;
  /** Lets go of everything else. */
  close(): Promise<void>;
}

/** Ends the backend once, in order; a more urgent wish overtakes a less urgent one. */
export class Ender {
  readonly #steps: Steps;
  readonly #log: Log;
  readonly #giveUp = Promise.withResolvers<void>();
  #ended: Promise<void> | undefined;

  constructor(steps: Steps, log: Log) {
    this.#steps = steps;
    this.#log = log;
  }

  /** Settles when everything has ended. */
  end(how: Ending, why: string): Promise<void> {
    if (how === 'abandon') this.#giveUp.resolve();
    if (how === 'drain') setTimeout(() => this.#giveUp.resolve(), DRAIN_TIMEOUT).unref();
    this.#ended ??= this.#run(why);
    return this.#ended;
  }

  async #run(why: string): Promise<void> {
    this.#log.info(`ends: ${why}`);
    const refusal = new Failure('unavailable', 'The backend is ending.', { hint: 'Try again in a moment.' });
    this.#steps.refuse(refusal);
    const quiet = this.#steps.quiet().then(() => true);
    const finished = await Promise.race([quiet, this.#giveUp.promise.then(() => false)]);
    if (!finished) {
      this.#steps.abort(new Failure('unavailable', 'The backend ended before this was done, so it was undone.'));
      if (!(await Promise.race([quiet, expire(UNDO_TIMEOUT)])))
        this.#log.warn('ends with work that did not undo itself');
    }
    await Promise.race([this.#steps.close(), expire(CLOSE_TIMEOUT)]);
  }
}

function expire(milliseconds: number): Promise<false> {
  return delay(milliseconds, false as const, { ref: false });
}
