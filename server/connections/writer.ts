import { type Message, StreamMessageWriter } from 'vscode-jsonrpc/node';

/** Writes messages, and knows when the system has taken all of them. */
export class TrackedMessageWriter extends StreamMessageWriter {
  readonly #pending = new Set<Promise<void>>();

  override write(message: Message): Promise<void> {
    const written = super.write(message);
    this.#pending.add(written);
    const done = () => this.#pending.delete(written);
    written.then(done, done);
    return written;
  }

  /** Settles when everything has been taken, also the replies that are just being made. */
  async flushed(): Promise<void> {
    do {
      await new Promise<void>(resolve => setImmediate(resolve));
      await Promise.allSettled(this.#pending);
    } while (this.#pending.size > 0);
  }
}
