import type { Notifications } from '../protocol/methods.ts';
import type { Progress, StateChange } from '../protocol/types.ts';
import type { LogMessage } from './app.ts';
import { mergeChanges } from './merge.ts';

/** Sends one notification; settles when the system has taken it. */
export type SendNotification = <N extends keyof Notifications>(method: N, params: Notifications[N]) => Promise<void>;

type Line = { progress: Notifications['$/progress'] } | { message: LogMessage };

/** Progress and log lines that wait at most; of a client that is slower than that the oldest ones are left out. */
const MAX_LINES = 256;

/**
 * Notifications to one client. While the system takes no more, changes of the state melt into one (the client sees the gap in
 * the revisions and asks for the whole), so that a client that does not read costs a bounded amount of memory.
 */
export class Outbox {
  readonly #send: SendNotification;
  #change: StateChange | undefined;
  #lines: Line[] = [];
  #writing = 0;
  #held = true;

  constructor(send: SendNotification) {
    this.#send = send;
  }

  /** Lets what waited go: nothing is sent before the client has its first snapshot. */
  release(): void {
    this.#held = false;
    this.#pump();
  }

  change(change: StateChange): void {
    this.#change = this.#change === undefined ? change : mergeChanges(this.#change, change);
    this.#pump();
  }

  message(message: LogMessage): void {
    this.#add({ message });
  }

  progress(token: string | number, value: Progress): void {
    this.#add({ progress: { token, value } });
  }

  /** Hands over everything that waits, so that a reply written next does not overtake it. */
  flush(): void {
    if (this.#held) return;
    const lines = this.#lines;
    const change = this.#change;
    this.#lines = [];
    this.#change = undefined;
    for (const line of lines) {
      if ('progress' in line) this.#write(this.#send('$/progress', line.progress));
      else this.#write(this.#send('log/message', line.message));
    }
    if (change !== undefined) this.#write(this.#send('state/changed', change));
  }

  #add(line: Line): void {
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    this.#pump();
  }

  #pump(): void {
    if (this.#writing === 0) this.flush();
  }

  #write(sent: Promise<void>): void {
    this.#writing += 1;
    const done = () => {
      this.#writing -= 1;
      this.#pump();
    };
    // A failed write means that the connection is closing, which its own event tells.
    sent.then(done, done);
  }
}
