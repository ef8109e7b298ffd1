import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { SessionStore } from '../../sessions/store.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import { SessionWatch } from '../../sessions/watch.ts';

/** Who is told what becomes of the records. */
export interface RecordFollower {
  /** A record was read, and may be as it was. */
  read(record: SessionRecord): void;
  /** A record is there no more, or is damaged. */
  gone(id: string): void;
  /** All of them were read, the one in which something happened last first; after each was told by itself. */
  listed(records: readonly SessionRecord[]): void;
  /** One of them was read by itself, after that was told; `before` is what was known of it, and `now` undefined when it is gone. */
  reread(now: SessionRecord | undefined, before: SessionRecord | undefined): void;
}

/** The records as they are on disk now: read anew when this backend or another program has changed them. */
export class SessionRecords {
  readonly #sessions: SessionStore;
  readonly #log: Log;
  readonly #on: RecordFollower;
  readonly #records = new Map<string, SessionRecord>();
  /** The reading of each record that was begun last. */
  readonly #readings = new Map<string, number>();
  readonly #watch: SessionWatch;
  readonly #endChanges: () => void;
  #listing: { again: boolean } | undefined;

  constructor(sessions: SessionStore, log: Log, on: RecordFollower) {
    this.#sessions = sessions;
    this.#log = log;
    this.#on = on;
    this.#watch = new SessionWatch(sessions.root, log, {
      listed: () => void this.list(),
      changed: id => void this.#reread(id),
    });
    this.#endChanges = sessions.onChange(id => void this.#reread(id));
  }

  /** A record as it was read last; undefined when there is none, or it was not read yet. */
  get(id: string): SessionRecord | undefined {
    return this.#records.get(id);
  }

  /** All that were read. */
  all(): SessionRecord[] {
    return [...this.#records.values()];
  }

  /** Reads all records anew. Never throws. */
  async list(): Promise<void> {
    if (this.#listing !== undefined) {
      this.#listing.again = true;
      return;
    }
    const listing = { again: true };
    this.#listing = listing;
    try {
      // What is changed after it was listed has to be seen.
      await this.#watch.ready;
      while (listing.again) {
        listing.again = false;
        const before = new Map(this.#readings);
        this.#replace(await this.#sessions.list(), before);
      }
    } catch (error) {
      this.#log.warn(`The sessions could not be listed: ${messageOf(error)}`);
    } finally {
      this.#listing = undefined;
    }
  }

  /** Reads the records anew where changes of some of them are not seen. */
  lookAgain(): Promise<void> {
    return this.#watch.lookAgain();
  }

  /** Ends the watching. */
  close(): void {
    this.#watch.close();
    this.#endChanges();
  }

  /** Takes a list; `before` is what readings there were when it was begun, since what was read by itself meanwhile is newer. */
  #replace(records: readonly SessionRecord[], before: ReadonlyMap<string, number>): void {
    const isOlder = (id: string) => this.#readings.get(id) !== before.get(id);
    const gone = new Set(this.#records.keys());
    for (const record of records) {
      gone.delete(record.id);
      if (!isOlder(record.id)) this.#set(record);
    }
    for (const id of gone) if (!isOlder(id)) this.#remove(id);
    this.#on.listed(records);
  }

  /** Reads a record that was changed. Of several readings the one that was begun last counts. */
  async #reread(id: string): Promise<void> {
    const reading = (this.#readings.get(id) ?? 0) + 1;
    this.#readings.set(id, reading);
    // Gone, or damaged, which the store has said.
    const record = await this.#sessions.get(id).catch(() => undefined);
    if (this.#readings.get(id) !== reading) return;
    const before = this.#records.get(id);
    if (record === undefined) this.#remove(id);
    else this.#set(record);
    this.#on.reread(record, before);
  }

  #set(record: SessionRecord): void {
    this.#records.set(record.id, record);
    this.#on.read(record);
  }

  #remove(id: string): void {
    this.#records.delete(id);
    this.#on.gone(id);
  }
}
