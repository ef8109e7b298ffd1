import type { Log } from './base/log.ts';
import type { LogMessage } from './connections/app.ts';

/** What every client is told in words, and the log. */
export class Messages {
  readonly #log: Log;
  readonly #listeners = new Set<(message: LogMessage) => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  tell(level: LogMessage['level'], message: string): void {
    this.#log.info(message);
    for (const listener of this.#listeners) listener({ level, message });
  }

  /** Calls `listener` with each; gives the function that ends it. */
  on(listener: (message: LogMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
