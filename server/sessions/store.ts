import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Serial } from '../base/serial.ts';
import type { TranscriptEntry } from '../protocol/types.ts';
import { SessionChanges } from './changes.ts';
import { Conversations } from './conversations.ts';
import { mountsOf, prepareDirectories } from './directories.ts';
import { fillDirectory } from './fill.ts';
import { findRecord } from './find.ts';
import { latestOf } from './latest.ts';
import { listRecords, type SessionFilter, sessionDirectory } from './listing.ts';
import { titleOf } from './record.ts';
import { givenBack, type OpenPlace, taken } from './taking.ts';
import type {
  ConversationReader,
  DamagedSession,
  NewSession,
  Owner,
  SessionChange,
  SessionDir,
  SessionMount,
  SessionRecord,
} from './types.ts';

/** What the store is made with. */
export interface SessionStoreOptions {
  /** Home of the user that the backend runs as; the sessions lie in its `.coi`. */
  home: string;
  log: Log;
  /** Reads the conversations of an agent; undefined for an agent that nobody knows. */
  reader(agent: string): ConversationReader | undefined;
}

/** The sessions on disk, in coi's layout. Truth is in the files: coi and other backends change them too. */
export class SessionStore {
  /** Where the sessions of all agents lie. */
  readonly root: string;
  readonly #log: Log;
  readonly #conversations: Conversations;
  readonly #changes: SessionChanges;
  readonly #reading = new Serial();
  readonly #reported = new Set<string>();

  constructor(options: SessionStoreOptions) {
    this.root = join(options.home, '.coi');
    this.#log = options.log;
    this.#conversations = new Conversations((agent, id) => this.directory(agent, id), options.reader);
    this.#changes = new SessionChanges(this.root, {
      get: id => this.get(id),
      placed: record => this.#conversations.placed(record),
    });
  }

  /** The directory of a session. Fails with `invalid` for a name that could lead elsewhere. */
  directory(agent: string, id: string): string {
    return sessionDirectory(this.root, agent, id);
  }

  /** Begins a session: its record is on disk before its container is made, so that a crash leaves it listed. */
  async create(session: NewSession): Promise<SessionRecord> {
    const now = new Date().toISOString();
    const { title, ...rest } = session;
    const record: SessionRecord = { ...rest, id: session.id ?? randomUUID(), startedAt: now, savedAt: now };
    const plain = titleOf(title ?? '');
    if (plain !== '') record.title = plain;
    await this.#changes.add(record);
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
    return mountsOf(base, dirs, home);
  }

  /** Whether the conversation of a session lies in the workspace, where coi left it. */
  isInWorkspace(record: SessionRecord): Promise<boolean> {
    return this.#conversations.isInWorkspace(record);
  }

  /** Puts files into a directory of a session, see `fillDirectory`. */
  fill({ agent, id }: SessionRecord, saved: string, write: (to: string) => Promise<boolean>): Promise<void> {
    return fillDirectory(this.directory(agent, id), saved, write);
  }

  /** All readable sessions, the one in which something happened last first; damaged ones are logged once and left alone. */
  async list(filter: SessionFilter = {}): Promise<SessionRecord[]> {
    return listRecords(this.root, filter, ({ path, message }) => {
      if (!this.#reported.has(path)) this.#log.warn(message);
      this.#reported.add(path);
    });
  }

  /** The sessions whose records cannot be read. */
  async damaged(): Promise<DamagedSession[]> {
    const found: DamagedSession[] = [];
    await listRecords(this.root, {}, damaged => found.push(damaged));
    return found;
  }

  /** A session of any agent. Fails with `not-found`, and with `invalid` when its record is damaged. */
  async get(id: string): Promise<SessionRecord> {
    const stored = await findRecord(this.root, id);
    if (stored !== undefined) return this.#conversations.placed(stored.record);
    throw new Failure('not-found', `There is no session "${id.slice(0, 64)}".`, {
      hint: 'Choose one of the listed sessions.',
    });
  }

  /**
   * The session of a workspace in which something was said last, or undefined when there is none at all. One without a conversation
   * counts only where there is nothing else, and a shell after that.
   */
  async latest(workspace: string, agent?: string): Promise<SessionRecord | undefined> {
    const records = await this.list({ workspace, ...(agent === undefined ? {} : { agent }) });
    return latestOf(records, {
      refresh: id => this.refresh(id),
      rank: record => this.#conversations.rank(record),
      log: this.#log,
    });
  }

  /** Changes a record; nothing else becomes different, so it is no later than before. Fails as `get` does. */
  async update(id: string, change: SessionChange): Promise<SessionRecord> {
    return (await this.#changes.change(id, () => change)).record;
  }

  /**
   * Notes that a session is opened: it is saved as of now, as coi notes it. `giveBack` undoes that when the open fails, unless another
   * one came in between. Fails as `get` does, and with `conflict` when somebody has opened it elsewhere since it was read.
   */
  async take(
    { id, savedAt: seenAt }: Pick<SessionRecord, 'id' | 'savedAt'>,
    place: OpenPlace,
  ): Promise<{ record: SessionRecord; giveBack(): Promise<void> }> {
    const { record, before } = await this.#changes.change(id, now => taken(now, seenAt, place));
    const giveBack = async () => {
      if ((await this.get(id)).savedAt !== record.savedAt) return;
      await this.#changes.change(id, () => givenBack(before));
    };
    return { record, giveBack };
  }

  /** Gives a session the user's own title; an empty one brings back that of the first prompt. */
  async rename(id: string, title: string): Promise<SessionRecord> {
    const plain = titleOf(title);
    if (plain !== '') return this.update(id, { title: plain, titled: true });
    return this.update(id, { title: await this.#conversations.title(await this.get(id)), titled: false });
  }

  /** Takes title, activity and the agent's own id from the conversation into the record; gives the record as it is now. */
  refresh(id: string): Promise<SessionRecord> {
    // A container can make the reading slow; two at a time would find the same.
    return this.#reading.run(id, async () => {
      const record = await this.get(id);
      const news = await this.#conversations.news(record);
      if (Object.keys(news).length === 0) return record;
      // The user may have named it meanwhile.
      const change = (now: SessionRecord) => (now.titled ? { ...news, title: now.title } : news);
      return (await this.#changes.change(id, change)).record;
    });
  }

  /** The conversation as text: the one that is resumed. Fails as `get` does. */
  async transcript(id: string): Promise<TranscriptEntry[]> {
    return this.#conversations.transcript(await this.get(id));
  }

  /** Deletes a session with its conversation, also a damaged one. Fails with `not-found`, and with `permission`. Not for a live one. */
  remove(id: string): Promise<void> {
    return this.#changes.remove(id);
  }

  /**
   * Deletes a session whose container is gone and that is worth nothing: a shell's, or one in which nothing was said. Not when it was
   * opened since it was `savedAt`, nor when its agent keeps something that nobody here reads. Gives whether it was deleted.
   */
  removeEmpty(id: string, savedAt: string): Promise<boolean> {
    return this.#changes.removeIf(id, async now => {
      return now.savedAt === savedAt && (await this.#conversations.isWorthless(now));
    });
  }

  /** Calls back with the id of each session that this store changed. Gives what ends it. */
  onChange(listener: (id: string) => void): () => void {
    return this.#changes.onChange(listener);
  }
}
