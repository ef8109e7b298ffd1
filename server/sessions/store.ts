import { randomUUID } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files.ts';
import type { Log } from '../base/log.ts';
import { Serial } from '../base/serial.ts';
import type { TranscriptEntry } from '../protocol/types.ts';
import { prepareDirectories, removeDirectory } from './directories.ts';
import { agentsIn, listRecords, type SessionFilter, sessionDirectory } from './listing.ts';
import { readRecord, recordText, SESSION_ID, titleOf } from './record.ts';
import type {
  ConversationReader,
  DamagedSession,
  NewSession,
  Owner,
  SessionDir,
  SessionMount,
  SessionRecord,
} from './types.ts';

export interface SessionStoreOptions {
  /** Home of the user that the backend runs as; the sessions lie in its `.coi`. */
  home: string;
  log: Log;
  /** Reads the conversations of an agent; undefined for an agent that nobody knows. */
  reader(agent: string): ConversationReader | undefined;
}

/** The sessions on disk, in coi's layout. Truth is in the files: coi and other backends change them too. */
export class SessionStore {
  readonly #root: string;
  readonly #log: Log;
  readonly #reader: SessionStoreOptions['reader'];
  readonly #serial = new Serial();
  readonly #reported = new Set<string>();
  readonly #listeners = new Set<(id: string) => void>();

  constructor(options: SessionStoreOptions) {
    this.#root = join(options.home, '.coi');
    this.#log = options.log;
    this.#reader = options.reader;
  }

  /** Where the sessions of all agents lie. */
  get root(): string {
    return this.#root;
  }

  /** The directory of a session. Fails with `invalid` for a name that could lead elsewhere. */
  directory(agent: string, id: string): string {
    return sessionDirectory(this.#root, agent, id);
  }

  /** Begins a session: its record is on disk before its container is made, so that a crash leaves it listed. */
  async create(session: NewSession): Promise<SessionRecord> {
    const now = new Date().toISOString();
    const { title, ...rest } = session;
    const record: SessionRecord = { ...rest, id: session.id ?? randomUUID(), startedAt: now, savedAt: now };
    const plain = titleOf(title ?? '');
    if (plain !== '') record.title = plain;
    const dir = this.directory(record.agent, record.id);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeFileAtomic(join(dir, 'metadata.json'), recordText(record, {}));
    this.#changed(record.id);
    return record;
  }

  /**
   * Makes the session's directories ready for a start and gives the mounts for them. `dirs` are the agent's; `home` is the one
   * inside. Not for a session whose agent runs. Fails with `invalid` when something else is in a directory's place.
   */
  async prepare(
    record: SessionRecord,
    dirs: readonly SessionDir[],
    owner: Owner,
    home: string,
  ): Promise<SessionMount[]> {
    const base = this.directory(record.agent, record.id);
    await prepareDirectories(base, dirs, owner);
    return dirs.map((dir, i) => ({
      device: `session-${i}`,
      source: join(base, dir.saved),
      path: home === '/' ? `/${dir.home}` : `${home}/${dir.home}`,
    }));
  }

  /** All readable sessions, the one saved last first; damaged ones are logged once and left alone. */
  async list(filter: SessionFilter = {}): Promise<SessionRecord[]> {
    return listRecords(this.#root, filter, ({ path, message }) => {
      if (!this.#reported.has(path)) this.#log.warn(message);
      this.#reported.add(path);
    });
  }

  /** The sessions whose records cannot be read. */
  async damaged(): Promise<DamagedSession[]> {
    const found: DamagedSession[] = [];
    await listRecords(this.#root, {}, damaged => found.push(damaged));
    return found;
  }

  /** A session of any agent. Fails with `not-found`, and with `invalid` when its record is damaged. */
  async get(id: string): Promise<SessionRecord> {
    if (SESSION_ID.test(id)) {
      for (const agent of await agentsIn(this.#root)) {
        const stored = await readRecord(this.directory(agent, id), agent, id);
        if (stored !== undefined) return stored.record;
      }
    }
    throw new Failure('not-found', `There is no session "${id.slice(0, 64)}".`, {
      hint: 'Choose one of the listed sessions.',
    });
  }

  /** The session of a workspace in which something happened last, or undefined. */
  async latest(workspace: string, agent?: string): Promise<SessionRecord | undefined> {
    return (await this.list({ workspace, ...(agent === undefined ? {} : { agent }) }))[0];
  }

  /** Changes a record. `savedAt` becomes now. Fails as `get` does. */
  async update(id: string, change: Partial<Omit<SessionRecord, 'id' | 'agent'>>): Promise<SessionRecord> {
    return this.#serial.run(id, async () => {
      const { agent } = await this.get(id);
      const dir = this.directory(agent, id);
      const stored = await readRecord(dir, agent, id);
      if (stored === undefined) throw new Failure('not-found', `The session "${id}" is gone.`);
      const record = { ...stored.record, savedAt: new Date().toISOString(), ...change };
      await writeFileAtomic(join(dir, 'metadata.json'), recordText(record, stored.raw));
      this.#changed(id);
      return record;
    });
  }

  /** Gives a session the user's own title; an empty one brings back that of the first prompt. */
  async rename(id: string, title: string): Promise<SessionRecord> {
    const plain = titleOf(title);
    if (plain !== '') return this.update(id, { title: plain, titled: true });
    const conversation = await this.#conversation(await this.get(id));
    return this.update(id, { title: titleOf(conversation?.title ?? ''), titled: false });
  }

  /** Takes title, activity and the agent's own id from the conversation into the record; gives the record as it is now. */
  async refresh(id: string): Promise<SessionRecord> {
    const record = await this.get(id);
    const conversation = await this.#conversation(record);
    if (conversation === undefined) return record;
    const { agentSessionId = record.agentSessionId, lastActivityAt = record.lastActivityAt } = conversation;
    const title = record.titled ? record.title : titleOf(conversation.title ?? '') || record.title;
    const same = [
      title === record.title,
      agentSessionId === record.agentSessionId,
      lastActivityAt === record.lastActivityAt,
    ];
    if (same.every(Boolean)) return record;
    return this.update(id, {
      ...(title === undefined ? {} : { title }),
      ...(agentSessionId === undefined ? {} : { agentSessionId }),
      ...(lastActivityAt === undefined ? {} : { lastActivityAt }),
      savedAt: record.savedAt,
    });
  }

  /** The conversation as text: the newest one of the session. Fails as `get` does. */
  async transcript(id: string): Promise<TranscriptEntry[]> {
    const record = await this.get(id);
    const dir = this.directory(record.agent, id);
    return (await this.#reader(record.agent)?.transcript(dir)) ?? [];
  }

  /** The agent's own id of the newest conversation, read from the files now; undefined when there is none. */
  async agentSessionId(record: SessionRecord): Promise<string | undefined> {
    return (await this.#conversation(record))?.agentSessionId;
  }

  /** Deletes a session with its conversation, also a damaged one. Fails with `not-found`. Not for a live one. */
  async remove(id: string): Promise<void> {
    await this.#serial.run(id, async () => {
      const dir = await this.#directoryOf(id);
      if (dir === undefined) throw new Failure('not-found', `There is no session "${id.slice(0, 64)}".`);
      await removeDirectory(dir);
      this.#changed(id);
    });
  }

  /** Calls back with the id of each session that this store changed. Gives what ends it. */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  async #conversation(record: SessionRecord) {
    return this.#reader(record.agent)?.findConversation(this.directory(record.agent, record.id));
  }

  async #directoryOf(id: string): Promise<string | undefined> {
    if (!SESSION_ID.test(id)) return undefined;
    for (const agent of await agentsIn(this.#root)) {
      const dir = this.directory(agent, id);
      const stat = await lstat(dir).catch(() => undefined);
      if (stat?.isDirectory()) return dir;
    }
    return undefined;
  }
}
