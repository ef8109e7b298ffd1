import type { Attention } from '../../attention/attention.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Instance } from '../../incus/types/instance.ts';
import type { AgentState } from '../../protocol/types.ts';
import type { SessionStore } from '../../sessions/store.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import { identify } from '../../slots/keys.ts';
import type { SlotBoard } from '../../state/board.ts';
import type { StateStore } from '../../state/store.ts';
import { adopted, type ForeignContainer } from './adopt.ts';
import { sessionOf } from './describe.ts';
import { HeldSessions } from './held.ts';
import { ConversationLooks } from './looks.ts';
import { SessionRecords } from './records.ts';
import { trackAgent } from './tracking.ts';

/** Of how many sessions it is looked at the start whether they went on meanwhile: those of days, not of years. */
const CAUGHT_UP = 100;

/** What the board puts together. */
export interface SessionBoardParts {
  sessions: SessionStore;
  attention: Attention;
  board: SlotBoard;
  store: StateStore;
  log: Log;
}

/**
 * Keeps the state's sessions to what is on disk and to what runs, and the agents' states to their signals. Nothing is polled:
 * records are watched, a conversation is looked at when its agent says that something happened.
 */
export class SessionBoard {
  readonly #parts: SessionBoardParts;
  readonly #records: SessionRecords;
  readonly #looks: ConversationLooks;
  readonly #held: HeldSessions;
  /** In which containers agents run, and of what sessions. */
  readonly #holders = new Map<string, string>();
  /** Containers of coi, whose sessions only the records tell. */
  readonly #foreign = new Map<string, ForeignContainer & { up: boolean }>();
  readonly #ends: (() => void)[] = [];
  #caughtUp = false;

  constructor(parts: SessionBoardParts) {
    this.#parts = parts;
    const hasTitle = (id: string) => this.#records.get(id)?.title !== undefined;
    this.#looks = new ConversationLooks(parts.sessions, parts.log, hasTitle);
    this.#records = new SessionRecords(parts.sessions, parts.log, {
      read: ({ id }) => this.#publish(id),
      gone: id => this.#forget(id),
      listed: records => this.#onListed(records),
      reread: (now, before) => this.#onReread(now, before),
    });
    this.#held = new HeldSessions(
      id => this.#records.get(id)?.savedAt,
      (id, savedAt) => void this.#onLeft(id, savedAt),
    );
    this.#ends.push(
      () => this.#records.close(),
      () => this.#looks.close(),
      parts.attention.onChange((container, state) => this.#onState(container, state)),
      parts.attention.onConversation((session, conversation) => void this.#noteConversation(session, conversation)),
    );
  }

  /** Takes what Incus says of an instance of ours now; undefined when it is gone. */
  see(name: string, instance: Instance | undefined): void {
    const identity = instance && identify(instance);
    const before = this.#holders.get(name);
    this.#foreign.delete(name);
    if (instance === undefined || identity === undefined) {
      this.#parts.attention.untrack(name);
      this.#holders.delete(name);
      this.#held.note(name, undefined);
    } else {
      trackAgent(this.#parts, name, instance, identity);
      const { keyed, session, phase, workspace } = identity;
      // What an open has given it counts when that is done: one that fails gives back what it held.
      if (phase === undefined) this.#held.note(name, session);
      const up = instance.running || instance.frozen;
      if (up && session !== undefined) this.#holders.set(name, session);
      else this.#holders.delete(name);
      // It may have been stopped while no backend ran, long after anything was heard of it.
      if (keyed && !up && session !== undefined) void this.#looks.catchUp([session]);
      if (!keyed) {
        const foreign = { name, workspace, createdAt: instance.createdAt, up };
        this.#foreign.set(name, foreign);
        this.#adopt(foreign);
      }
    }
    for (const id of new Set([before, this.#holders.get(name)])) if (id !== undefined) this.#publish(id);
  }

  /** Reads all records anew. Never throws. */
  list(): Promise<void> {
    return this.#records.list();
  }

  /** What is done now and then as well as on events: reads the records anew where changes of some of them are not seen. */
  lookAgain(): Promise<void> {
    return this.#records.lookAgain();
  }

  /** Ends all that it does by itself. */
  close(): void {
    for (const end of this.#ends) end();
    this.#parts.attention.dispose();
  }

  #onListed(records: readonly SessionRecord[]): void {
    this.#adoptAll();
    void this.#looks.findTitles(records);
    if (!this.#caughtUp) void this.#looks.catchUp(records.slice(0, CAUGHT_UP).map(({ id }) => id));
    this.#caughtUp = true;
  }

  #onReread(now: SessionRecord | undefined, before: SessionRecord | undefined): void {
    // coi wrote it, and tells nothing of what was said.
    if (now?.pathUnsaid && before?.savedAt !== now.savedAt) this.#looks.ask(now.id);
    this.#adoptAll();
  }

  #adoptAll(): void {
    for (const foreign of this.#foreign.values()) this.#adopt(foreign);
  }

  /** Finds the session that a container of coi holds, which is live while that is up. */
  #adopt(foreign: ForeignContainer & { up: boolean }): void {
    const { name, up } = foreign;
    const record = adopted(this.#records.all(), foreign);
    const before = this.#holders.get(name);
    const live = up ? record?.id : undefined;
    if (live === undefined) this.#holders.delete(name);
    else this.#holders.set(name, live);
    const agent = record === undefined ? {} : { agent: record.agent };
    this.#parts.board.note(name, { session: record?.id, ...agent });
    if (before === live) return;
    for (const id of [before, live]) if (id !== undefined) this.#publish(id);
  }

  #forget(id: string): void {
    this.#looks.forget(id);
    this.#parts.store.setSession(id, undefined);
  }

  #publish(id: string): void {
    const record = this.#records.get(id);
    if (record === undefined) return;
    const holder = [...this.#holders].find(([, session]) => session === id)?.[0];
    this.#parts.store.setSession(id, sessionOf(record, holder));
  }

  /** A shell without its container is worth nothing, nor is a session in which nothing was said. */
  async #onLeft(id: string, savedAt: string): Promise<void> {
    try {
      await this.#parts.sessions.removeEmpty(id, savedAt);
    } catch (error) {
      this.#parts.log.debug(`The record of the session ${id} stays: ${messageOf(error)}`);
    }
  }

  #onState(container: string, state: AgentState): void {
    this.#parts.board.note(container, { agentState: state });
    const session = this.#holders.get(container);
    if (session !== undefined) this.#looks.ask(session);
  }

  /** Notes which of the conversations in a session's files is its own. */
  async #noteConversation(id: string, conversation: string): Promise<void> {
    if (this.#records.get(id)?.conversation === conversation) return;
    try {
      await this.#parts.sessions.update(id, { conversation });
      this.#looks.ask(id);
    } catch (error) {
      this.#parts.log.debug(`The conversation of the session ${id} was not noted: ${messageOf(error)}`);
    }
  }
}
