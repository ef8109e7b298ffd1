import { Failure } from '../base/errors.ts';

/**
 * The requests of one client that are under way. A request settles for its caller as soon as it is given up; the work itself
 * counts until it has really ended, with whatever it had to undo.
 */
export class Tasks {
  readonly #running = new Set<AbortController>();

  get size(): number {
    return this.#running.size;
  }

  /**
   * Runs `work` until it ends or is given up, whichever is first. `late` hears of a failure after the caller was told
   * that the work was given up.
   */
  run<T>(controller: AbortController, work: () => Promise<T>, late: (error: unknown) => void): Promise<T> {
    const { signal } = controller;
    const done = work();
    this.#running.add(controller);
    done
      .catch(error => {
        if (signal.aborted) late(error);
      })
      .finally(() => this.#running.delete(controller));
    return untilAborted(done, signal);
  }

  /** Gives up everything that is under way, for this reason. */
  abortAll(reason: Failure): void {
    for (const controller of this.#running) controller.abort(reason);
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(reasonOf(signal));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Failure('cancelled', 'The request was cancelled.');
}
