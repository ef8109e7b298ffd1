import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AgentState, SlotStatus } from '../protocol/types.ts';
import { type LookNeed, needsLook } from './look.ts';
import { next, unknownYet } from './machine.ts';
import { Tracker } from './tracker.ts';
import type { AttentionInput, LookInput, Memory } from './types.ts';

/** A session whose agent runs in a container. */
export interface TrackedSession {
  container: string;
  session: string;
  /** The session's directory on the host; undefined for a container without one (coi's), from which no signals come. */
  sessionDir?: string;
  /** Below it, of all agents: where hooks leave their lines. */
  signals?: string;
  /** Below it, of claude: its registry of running sessions. */
  registry?: string;
  /** Whether the agent tells what it does; default true. */
  tells?: boolean;
  /** Whether it tells at once when its question was answered; default true. */
  tellsAnswers?: boolean;
  /** Whether the agent is a shell; default false. */
  shell?: boolean;
  /** Milliseconds after its start when an agent that has not said anything takes input; default 8 s. */
  readyAfter?: number;
}

interface Tracked {
  session: TrackedSession;
  memory: Memory;
  /** When a signal came last, by the clock that nobody sets (ms). */
  heardAt?: number;
  /** When its container was started (ms). */
  startedAt?: number;
  tracker?: Tracker;
}

/** The states of all agents: takes in signals and tells what changed. */
export class Attention {
  readonly #log: Log;
  readonly #tracked = new Map<string, Tracked>();
  readonly #listeners = new Set<(container: string, state: AgentState) => void>();
  readonly #conversationListeners = new Set<(session: string, conversation: string) => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Begins to follow the agent of a container; another session in the same container replaces the one before. */
  track(session: TrackedSession): void {
    const before = this.#tracked.get(session.container);
    if (before !== undefined && sameSession(before.session, session)) return;
    before?.tracker?.end();
    const tracked: Tracked = {
      session,
      memory: unknownYet(Date.now(), {
        quiet: session.tells === false,
        shell: session.shell === true,
        mute: session.tellsAnswers === false,
      }),
    };
    if (before !== undefined) tracked.memory.container = before.memory.container;
    this.#tracked.set(session.container, tracked);
    const { sessionDir, signals, registry, readyAfter } = session;
    if (sessionDir === undefined || signals === undefined) return;
    tracked.tracker = new Tracker({
      sessionDir,
      signals,
      ...(registry === undefined ? {} : { registry }),
      ...(readyAfter === undefined ? {} : { readyAfter }),
      log: this.#log,
      input: input => this.#take(session.container, tracked, input),
      conversation: id => {
        for (const listener of this.#conversationListeners) listener(session.session, id);
      },
    });
  }

  /** Forgets a container. */
  untrack(container: string): void {
    this.#tracked.get(container)?.tracker?.end();
    this.#tracked.delete(container);
  }

  /**
   * What Incus says of a container, and when that was started (ms); call it on every change. A restart is told by nothing else, and no
   * agent lives through it.
   */
  containerStatus(container: string, status: SlotStatus, startedAt?: number): void {
    const tracked = this.#tracked.get(container);
    if (tracked === undefined) return;
    const { memory, startedAt: before } = tracked;
    if (startedAt !== undefined) tracked.startedAt = startedAt;
    const wasUp = memory.container === 'running' || memory.container === 'paused';
    const restarted = before !== undefined && startedAt !== undefined && startedAt !== before;
    // An agent that was heard since is of the new life: Incus notes the time when the start is over.
    if (wasUp && restarted && memory.signalAt < startedAt)
      this.#take(container, tracked, { kind: 'container', status: 'stopped', at: Date.now() });
    if (tracked.memory.container === status) return;
    this.#take(container, tracked, { kind: 'container', status, at: Date.now() });
  }

  /** What was seen of the agent by a look that began at `from`, by performance.now(): what was heard since then is newer. */
  seen(container: string, look: Omit<LookInput, 'kind'>, from: number): void {
    const tracked = this.#tracked.get(container);
    if (tracked === undefined || (tracked.heardAt !== undefined && tracked.heardAt >= from)) return;
    this.#take(container, tracked, { kind: 'look', ...look });
  }

  /** The containers whose agents should be looked at while somebody wants to know, and why. */
  unsure(): Map<string, LookNeed> {
    const found = new Map<string, LookNeed>();
    for (const [container, { memory }] of this.#tracked) {
      const need = needsLook(memory);
      if (need !== undefined) found.set(container, need);
    }
    return found;
  }

  /** The agent's state; unknown for a container that is not followed. */
  state(container: string): AgentState {
    return (this.#tracked.get(container)?.memory ?? unknownYet(0)).agent;
  }

  /** Whether any agent is followed. */
  get size(): number {
    return this.#tracked.size;
  }

  /** Calls back with each change of a state. Gives what ends it. */
  onChange(listener: (container: string, state: AgentState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back when an agent says which conversation its session holds, by the agent's own id: a hint from inside. Gives what ends it. */
  onConversation(listener: (session: string, conversation: string) => void): () => void {
    this.#conversationListeners.add(listener);
    return () => this.#conversationListeners.delete(listener);
  }

  /** Ends all watching. */
  dispose(): void {
    for (const container of [...this.#tracked.keys()]) this.untrack(container);
    this.#listeners.clear();
    this.#conversationListeners.clear();
  }

  /** Never throws: what comes from inside must not end the backend, whatever it is. */
  #take(container: string, tracked: Tracked, input: AttentionInput): void {
    try {
      this.#apply(container, tracked, input);
    } catch (error) {
      this.#log.warn(`What came of the agent in ${container} (${input.kind}) was not taken in: ${messageOf(error)}`);
    }
  }

  #apply(container: string, tracked: Tracked, input: AttentionInput): void {
    if (this.#tracked.get(container) !== tracked || isOfFormerLife(input, tracked.startedAt)) return;
    if (input.kind === 'signal') tracked.heardAt = performance.now();
    const { agent: before } = tracked.memory;
    tracked.memory = next(tracked.memory, input);
    const { agent } = tracked.memory;
    if (agent.state === before.state && agent.why === before.why) return;
    for (const listener of this.#listeners) listener(container, agent);
  }
}

/** Whether it was written before the container was started; signals have whole seconds. A start in the future is of another clock. */
function isOfFormerLife(input: AttentionInput, startedAt = 0): boolean {
  if (startedAt > Date.now()) return false;
  if (input.kind === 'signal') return input.at < Math.floor(startedAt / 1000) * 1000;
  return input.kind === 'registry' && input.updatedAt < startedAt;
}

function sameSession(a: TrackedSession, b: TrackedSession): boolean {
  return a.session === b.session && a.sessionDir === b.sessionDir;
}
