import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { SessionStore } from '../../sessions/store.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import { Unhurried } from './unhurried.ts';

/** How often (ms) the conversation of a session is read at most while its agent works; until it has a title, more often. */
const READ_EVERY = 10_000;
const TITLE_EVERY = 500;
/** When the conversation of a session without a title is looked at again (ms): agents write a prompt down after they say that they work on it. */
const AGAIN: readonly number[] = [1000, 4000];

/** Has titles and activity taken from the conversations into the sessions' records, as seldom as will do. Nothing here ever fails. */
export class ConversationLooks {
  readonly #sessions: SessionStore;
  readonly #log: Log;
  readonly #hasTitle: (id: string) => boolean;
  readonly #asked: Unhurried;
  /** Looks that are to come into sessions without a title. */
  readonly #later = new Map<string, NodeJS.Timeout>();
  /** When the record was saved in whose conversation a title was looked for. */
  readonly #searched = new Map<string, string>();
  readonly #caughtUp = new Set<string>();
  #catchingUp: Promise<void> = Promise.resolve();

  /** `hasTitle`: whether a session is known with a title. */
  constructor(sessions: SessionStore, log: Log, hasTitle: (id: string) => boolean) {
    this.#sessions = sessions;
    this.#log = log;
    this.#hasTitle = hasTitle;
    this.#asked = new Unhurried(
      id => this.#look(id),
      id => (hasTitle(id) ? READ_EVERY : TITLE_EVERY),
    );
  }

  /** Something happened in a session. */
  ask(id: string): void {
    this.#asked.ask(id);
  }

  /** Looks for the titles of sessions that coi saved, which have none. One after the other: nobody waits, and there may be hundreds. */
  async findTitles(records: readonly SessionRecord[]): Promise<void> {
    for (const { id, title, savedAt } of records) {
      if (title !== undefined || this.#searched.get(id) === savedAt) continue;
      this.#searched.set(id, savedAt);
      await this.#refresh(id);
    }
  }

  /** Looks once into sessions that may have gone on while no backend ran. One after the other: nobody waits. */
  catchUp(ids: Iterable<string>): Promise<void> {
    this.#catchingUp = this.#catchingUp.then(async () => {
      for (const id of ids) {
        if (this.#caughtUp.has(id)) continue;
        this.#caughtUp.add(id);
        await this.#refresh(id);
      }
    });
    return this.#catchingUp;
  }

  /** Forgets a session that is gone. */
  forget(id: string): void {
    this.#asked.forget(id);
    this.#caughtUp.delete(id);
    this.#searched.delete(id);
    clearTimeout(this.#later.get(id));
    this.#later.delete(id);
  }

  close(): void {
    this.#asked.close();
    for (const timer of this.#later.values()) clearTimeout(timer);
    this.#later.clear();
  }

  /** Looks now, and some times again while there is no title. */
  async #look(id: string, again = AGAIN): Promise<void> {
    clearTimeout(this.#later.get(id));
    this.#later.delete(id);
    await this.#refresh(id);
    const [wait, ...rest] = again;
    if (wait === undefined || this.#hasTitle(id) || this.#later.has(id)) return;
    this.#later.set(id, setTimeout(() => void this.#look(id, rest), wait).unref());
  }

  async #refresh(id: string): Promise<void> {
    try {
      await this.#sessions.refresh(id);
    } catch (error) {
      this.#log.debug(`Reading the conversation of ${id} failed: ${messageOf(error)}`);
    }
  }
}
