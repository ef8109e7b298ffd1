import { existsSync } from 'node:fs';
import { agentNamed, agentNames } from '../../agents/registry.ts';
import { SIGNALS } from '../../agents/signal.ts';
import type { Attention } from '../../attention/attention.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Instance } from '../../incus/types/instance.ts';
import type { AgentState, Session, SlotStatus } from '../../protocol/types.ts';
import { isSessionName } from '../../sessions/listing.ts';
import type { SessionStore } from '../../sessions/store.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import { SessionWatch } from '../../sessions/watch.ts';
import { identify, type SlotIdentity } from '../../slots/keys.ts';
import type { SlotBoard } from '../../state/board.ts';
import { statusOf } from '../../state/describe.ts';
import type { StateStore } from '../../state/store.ts';
import { type ForeignContainer, runsIn } from './adopt.ts';
import { ConversationLooks } from './looks.ts';

const ELSEWHERE = 'Its session is kept under another home directory, so nothing is heard of its agent here.';
const ODD = 'What it says of its session was changed by another program, so nothing is heard of its agent here.';

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
  readonly #records = new Map<string, SessionRecord>();
  readonly #ends: (() => void)[] = [];
  readonly #holders = new Map<string, string>();
  /** What each container was last seen to hold, also while it is stopped, and as of when that was saved. */
  readonly #held = new Map<string, { id: string; savedAt: string | undefined }>();
  /** Containers of coi, whose sessions only the records tell. */
  readonly #foreign = new Map<string, ForeignContainer & { up: boolean }>();
  /** The reading of each record that was begun last. */
  readonly #readings = new Map<string, number>();
  readonly #watch: SessionWatch;
  readonly #looks: ConversationLooks;
  #listing: { again: boolean } | undefined;
  #caughtUp = false;

  constructor(parts: SessionBoardParts) {
    this.#parts = parts;
    const hasTitle = (id: string) => this.#records.get(id)?.title !== undefined;
    this.#looks = new ConversationLooks(parts.sessions, parts.log, hasTitle);
    this.#watch = new SessionWatch(parts.sessions.root, parts.log, {
      listed: () => void this.list(),
      changed: id => void this.#reread(id),
    });
    this.#ends.push(
      () => this.#watch.close(),
      () => this.#looks.close(),
      parts.attention.onChange((container, state) => this.#onState(container, state)),
      parts.attention.onConversation((session, conversation) => void this.#noteConversation(session, conversation)),
      parts.sessions.onChange(id => void this.#reread(id)),
    );
  }

  /** Takes what Incus says of an instance of ours now; undefined when it is gone. */
  see(name: string, instance: Instance | undefined): void {
    const identity = instance && identify(instance);
    const before = this.#holders.get(name);
    const up = instance !== undefined && (instance.running || instance.frozen);
    this.#foreign.delete(name);
    if (instance === undefined || identity === undefined) {
      this.#parts.attention.untrack(name);
      this.#holders.delete(name);
      this.#hold(name, undefined);
    } else {
      const unheard = this.#whyUnheard(identity);
      if (unheard !== undefined) this.#unheard(name, up, unheard);
      else {
        this.#track(name, identity);
        const startedAt = Date.parse(instance.lastUsedAt ?? '') || undefined;
        this.#parts.attention.containerStatus(name, statusFor(instance, identity), startedAt);
      }
      // What an open has given it counts when that is done: one that fails gives back what it held.
      if (identity.phase === undefined) this.#hold(name, identity.session);
      if (up && identity.session !== undefined) this.#holders.set(name, identity.session);
      else this.#holders.delete(name);
      // It may have been stopped while no backend ran, long after anything was heard of it.
      if (identity.keyed && !up && identity.session !== undefined) void this.#looks.catchUp([identity.session]);
      if (!identity.keyed) {
        this.#foreign.set(name, { name, workspace: identity.workspace, createdAt: instance.createdAt, up });
        this.#adopt(name);
      }
    }
    for (const id of new Set([before, this.#holders.get(name)])) if (id !== undefined) this.#publish(id);
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
        this.#replace(await this.#parts.sessions.list(), before);
      }
    } catch (error) {
      this.#parts.log.warn(`The sessions could not be listed: ${messageOf(error)}`);
    } finally {
      this.#listing = undefined;
    }
  }

  /** What is done now and then as well as on events: reads the records anew where changes of some of them are not seen. */
  lookAgain(): Promise<void> {
    return this.#watch.lookAgain();
  }

  close(): void {
    for (const end of this.#ends) end();
    this.#parts.attention.dispose();
  }

  /** Takes a list; `before` is what readings there were when it was begun, since what was read by itself meanwhile is newer. */
  #replace(records: readonly SessionRecord[], before: ReadonlyMap<string, number>): void {
    const isOlder = (id: string) => this.#readings.get(id) !== before.get(id);
    const gone = new Set(this.#records.keys());
    for (const record of records) {
      gone.delete(record.id);
      if (isOlder(record.id)) continue;
      this.#records.set(record.id, record);
      this.#publish(record.id);
    }
    for (const id of gone) if (!isOlder(id)) this.#forget(id);
    for (const name of this.#foreign.keys()) this.#adopt(name);
    void this.#looks.findTitles(records);
    if (!this.#caughtUp) void this.#looks.catchUp(records.slice(0, CAUGHT_UP).map(({ id }) => id));
    this.#caughtUp = true;
  }

  /** Finds the session that a container of coi holds, which is live while that is up: the newest record that names it, written since it was made. */
  #adopt(name: string): void {
    const foreign = this.#foreign.get(name);
    const [record] = [...this.#records.values()]
      .filter(candidate => foreign !== undefined && runsIn(candidate, foreign))
      .sort((a, b) => b.savedAt.localeCompare(a.savedAt));
    const before = this.#holders.get(name);
    const live = foreign?.up === true ? record?.id : undefined;
    if (live === undefined) this.#holders.delete(name);
    else this.#holders.set(name, live);
    const agent = record === undefined ? {} : { agent: record.agent };
    this.#parts.board.note(name, { session: record?.id, ...agent });
    if (before === live) return;
    for (const id of [before, live]) if (id !== undefined) this.#publish(id);
  }

  /** Reads a record that was changed. Of several readings the one that was begun last counts. */
  async #reread(id: string): Promise<void> {
    const reading = (this.#readings.get(id) ?? 0) + 1;
    this.#readings.set(id, reading);
    // Gone, or damaged, which the store has said.
    const record = await this.#parts.sessions.get(id).catch(() => undefined);
    if (this.#readings.get(id) !== reading) return;
    const before = this.#records.get(id);
    if (record === undefined) this.#forget(id);
    else {
      this.#records.set(id, record);
      this.#publish(id);
      // coi wrote it, and tells nothing of what was said.
      if (record.pathUnsaid && before?.savedAt !== record.savedAt) this.#looks.ask(id);
    }
    for (const name of this.#foreign.keys()) this.#adopt(name);
  }

  #forget(id: string): void {
    this.#records.delete(id);
    this.#looks.forget(id);
    this.#parts.store.setSession(id, undefined);
  }

  #publish(id: string): void {
    const record = this.#records.get(id);
    if (record === undefined) return;
    const holder = [...this.#holders].find(([, session]) => session === id)?.[0];
    this.#parts.store.setSession(id, sessionOf(record, holder));
  }

  /** A session is made before its container; where it is not, a backend of another home made both. */
  #whyUnheard({ keyed, agent, session }: SlotIdentity): string | undefined {
    if (!keyed || session === undefined) return undefined;
    if (!isSessionName(agent, session)) return ODD;
    return existsSync(this.#parts.sessions.directory(agent, session)) ? undefined : ELSEWHERE;
  }

  #unheard(container: string, up: boolean, reason: string): void {
    this.#parts.attention.untrack(container);
    const state = up ? 'unknown' : 'exited';
    const before = this.#parts.board.facts(container).agentState;
    const why = up ? reason : 'The container is not running.';
    if (before?.state === state && before.why === why) return;
    this.#parts.board.note(container, { agentState: { state, since: new Date().toISOString(), why } });
  }

  #track(container: string, identity: SlotIdentity): void {
    const { session } = identity;
    // coi's containers are known by what is seen of them alone.
    if (!identity.keyed) this.#parts.attention.track({ container, session: '', tells: false });
    if (!identity.keyed || session === undefined) return;
    const known = agentNames().includes(identity.agent) ? agentNamed(identity.agent) : undefined;
    this.#parts.attention.track({
      container,
      session,
      ...(known?.readyAfter === undefined ? {} : { readyAfter: known.readyAfter }),
      sessionDir: this.#parts.sessions.directory(identity.agent, session),
      signals: SIGNALS.saved,
      ...(known?.tellsAnswers === undefined ? {} : { tellsAnswers: known.tellsAnswers }),
      ...(known?.registry === undefined ? {} : { registry: known.registry }),
      tells: known?.tells ?? false,
      shell: identity.agent === 'shell',
    });
  }

  /** Notes what a container holds now; what it held before and no other does may be worth nothing. */
  #hold(container: string, id: string | undefined): void {
    const before = this.#held.get(container);
    if (id === undefined) this.#held.delete(container);
    else this.#held.set(container, { id, savedAt: this.#records.get(id)?.savedAt });
    if (before === undefined || before.id === id || before.savedAt === undefined) return;
    if (![...this.#held.values()].some(held => held.id === before.id)) void this.#left(before.id, before.savedAt);
  }

  /** A shell without its container is worth nothing, nor is a session in which nothing was said. */
  async #left(id: string, savedAt: string): Promise<void> {
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

/** While its slot is being opened, a container's agent is starting, however far the container is. */
function statusFor(instance: Instance, { phase }: SlotIdentity): SlotStatus {
  return phase === 'opening' || phase === 'starting' ? 'starting' : statusOf(instance.statusCode);
}

/** A record as clients see it; `holder` is the container in which its agent runs. */
export function sessionOf(record: SessionRecord, holder: string | undefined): Session {
  const { titled: _titled, pathUnsaid: _unsaid, heldAt: _held, conversation: _own, incus: _incus, ...rest } = record;
  const place = holder ?? rest.container;
  return { ...rest, live: holder !== undefined, ...(place === undefined ? {} : { container: place }) };
}
