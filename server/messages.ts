import { type Log, printable } from './base/log.ts';
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

  /** A log whose warnings and errors every client is told as well: who looks for a reason looks into the editor's log first. */
  told(log: Log): Log {
    const tell = (level: LogMessage['level'], text: string) => {
      for (const listener of this.#listeners) listener({ level, message: printable(text) });
    };
    return {
      ...log,
      warn: text => {
        log.warn(text);
        tell('warning', text);
      },
      error: text => {
        log.error(text);
        tell('error', text);
      },
    };
  }

  /** Calls `listener` with each; gives the function that ends it. */
  on(listener: (message: LogMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
