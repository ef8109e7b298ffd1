import { mkdir } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';
import { Serial } from '../base/serial.ts';
import { removeSession } from './directories.ts';
import { findDirectory } from './find.ts';
import { sessionDirectory } from './listing.ts';
import { readRecord, writeRecord } from './record.ts';
import type { SessionChange, SessionRecord } from './types.ts';

/** How a record is read that is to be changed. */
export interface RecordReading {
  /** A session of any agent. Fails with `not-found`, and with `invalid` when its record is damaged. */
  get(id: string): Promise<SessionRecord>;
  /** A record as it is in the file, with the path inside also where only what the agent filed tells that. */
  placed(record: SessionRecord): Promise<SessionRecord>;
}

/** Changes the sessions below a root, each of them one after the other, and tells of it. */
export class SessionChanges {
  readonly #root: string;
  readonly #reading: RecordReading;
  readonly #serial = new Serial();
  readonly #listeners = new Set<(id: string) => void>();

  constructor(root: string, reading: RecordReading) {
    this.#root = root;
    this.#reading = reading;
  }

  /** Calls back with the id of each session that was changed here. Gives what ends it. */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes the record of a new session. */
  async add(record: SessionRecord): Promise<void> {
    const dir = sessionDirectory(this.#root, record.agent, record.id);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeRecord(dir, record, {});
    this.#tell(record.id);
  }

  /** Changes a record by what it is now; gives it as it is then and as it was. Fails as `get` does. */
  change(
    id: string,
    changeOf: (now: SessionRecord) => SessionChange,
  ): Promise<{ record: SessionRecord; before: SessionRecord }> {
    return this.#serial.run(id, async () => {
      const { agent } = await this.#reading.get(id);
      const dir = sessionDirectory(this.#root, agent, id);
      const stored = await readRecord(dir, agent, id);
      if (stored === undefined) throw new Failure('not-found', `The session "${id}" is gone.`);
      const before = await this.#reading.placed(stored.record);
      const record = changed(before, changeOf(before));
      await writeRecord(dir, record, stored.raw);
      this.#tell(id);
      return { record, before };
    });
  }

  /** Deletes a session, also a damaged one. Fails with `not-found`, and with `permission`. */
  async remove(id: string): Promise<void> {
    await this.#serial.run(id, async () => {
      const dir = await findDirectory(this.#root, id);
      if (dir === undefined) throw new Failure('not-found', `There is no session "${id.slice(0, 64)}".`);
      await removeSession(dir);
      this.#tell(id);
    });
  }

  /** Deletes a session if what it is now is worth nothing; gives whether it was. Fails as `get` does, and with `permission`. */
  removeIf(id: string, isWorthless: (now: SessionRecord) => Promise<boolean>): Promise<boolean> {
    return this.#serial.run(id, async () => {
      const record = await this.#reading.get(id);
      if (!(await isWorthless(record))) return false;
      await removeSession(sessionDirectory(this.#root, record.agent, id));
      this.#tell(id);
      return true;
    });
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }
}

/** What a record does not say of the path is over once it is said. */
function changed(before: SessionRecord, change: SessionChange): SessionRecord {
  const said = change.path === undefined ? {} : { pathUnsaid: undefined, heldAt: undefined };
  return defined({ ...before, ...said, ...change });
}

/** A changed record without what was taken away. */
function defined(record: { [K in keyof SessionRecord]: SessionRecord[K] | undefined }): SessionRecord {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined),
  ) as unknown as SessionRecord;
}
