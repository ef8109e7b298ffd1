import { BackendError } from './errors.ts';
import type { Link } from './link.ts';

/** Requests that wait for a connection. */
export class Waiting {
  #all: { resolve(link: Link): void; reject(error: BackendError): void }[] = [];

  /** Settles with the next connection; rejects when it cannot be made, or at once when it is given up. */
  add(method: string, signal: AbortSignal | undefined): Promise<Link> {
    const { promise, resolve, reject } = Promise.withResolvers<Link>();
    const giveUp = () => reject(new BackendError('cancelled', `${method} was cancelled.`));
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#all.push({ resolve, reject });
    return promise.finally(() => signal?.removeEventListener('abort', giveUp));
  }

  resolve(link: Link): void {
    for (const { resolve } of this.#all.splice(0)) resolve(link);
  }

  reject(error: BackendError): void {
    for (const { reject } of this.#all.splice(0)) reject(error);
  }
}
