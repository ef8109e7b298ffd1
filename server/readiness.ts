import { Failure } from './base/errors.ts';
import type { ErrorKind } from './protocol/errors.ts';
import type { IncusState } from './protocol/types.ts';

/** Milliseconds that a request waits for Incus to be reached before it says that it cannot be. */
const PATIENCE_MS = 30_000;

/** Lets requests wait until the instances have been listed, or tells them why that cannot be. */
export class Readiness {
  #state: IncusState = { status: 'connecting' };
  #change = Promise.withResolvers<void>();
  #closed: Failure | undefined;

  /** Takes what is known now. */
  set(state: IncusState): void {
    this.#state = state;
    this.#wake();
  }

  close(reason: Failure): void {
    this.#closed = reason;
    this.#wake();
  }

  /** Resolves when Incus is ready. Fails with `unavailable` or `permission` and the next step. */
  async wait(signal?: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(PATIENCE_MS);
    const ends = AbortSignal.any(signal === undefined ? [limit] : [limit, signal]);
    while (this.#state.status !== 'ready') {
      if (this.#closed !== undefined) throw this.#closed;
      if (signal?.aborted === true) throw new Failure('cancelled', 'Cancelled.');
      if (this.#state.status === 'unavailable') throw failureOf(this.#state);
      if (limit.aborted)
        throw new Failure('unavailable', 'Incus does not answer.', { hint: 'Look whether incusd runs.' });
      await Promise.race([this.#change.promise, aborted(ends)]);
    }
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

function failureOf(state: IncusState): Failure {
  const kind: ErrorKind = state.reason === 'no-permission' ? 'permission' : 'unavailable';
  const hint = 'Then try again; the connection to Incus comes back by itself.';
  return new Failure(kind, state.message ?? 'Incus cannot be used.', { hint, detail: state.reason ?? '' });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
