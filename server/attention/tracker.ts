import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { parseSignals } from './lines.ts';
import { Pace } from './pace.ts';
import { readRegistry } from './registry.ts';
import { Tail } from './tail.ts';
import type { AttentionInput, SignalInput } from './types.ts';

/** After a signal, the registry has this long to catch up before it is believed against the signal. Milliseconds. */
const SETTLE = 700;
/** See `readyAfter`. */
const OVERDUE = 8000;

export interface TrackOptions {
  /** The session's directory on the host. */
  sessionDir: string;
  /** Below it: the directory of the events file. */
  signals: string;
  /** Below it: Claude's registry of running sessions, for agents that have one. */
  registry?: string;
  /** Milliseconds within which an agent that was started reports itself, unless it asks for something first or never does. */
  readyAfter?: number;
  log: Log;
  input(input: AttentionInput): void;
  /** The agent holds this conversation now, by its own id. */
  conversation(id: string): void;
}

/** Watches the signals of one session (inotify; nothing is polled). */
export class Tracker {
  readonly #options: TrackOptions;
  readonly #tail: Tail;
  readonly #watchers: FSWatcher[] = [];
  readonly #signals: Pace;
  readonly #registry: Pace;
  #settle: NodeJS.Timeout | undefined;
  #overdue: NodeJS.Timeout | undefined;
  /** That of the agent which was started last. */
  #conversation: string | undefined;
  /** When that one ended (ms). */
  #endedAt: number | undefined;

  constructor(options: TrackOptions) {
    this.#options = options;
    const signals = join(options.sessionDir, options.signals);
    this.#tail = new Tail(join(signals, 'events'));
    this.#signals = new Pace(() => this.#guarded(() => this.#readSignals()));
    this.#registry = new Pace(() => this.#guarded(() => this.#readRegistry()));
    this.#watch(signals, this.#signals);
    if (options.registry !== undefined) this.#watch(join(options.sessionDir, options.registry), this.#registry);
    this.#signals.ask();
    this.#registry.ask();
  }

  end(): void {
    clearTimeout(this.#settle);
    clearTimeout(this.#overdue);
    this.#signals.end();
    this.#registry.end();
    for (const watcher of this.#watchers) watcher.close();
  }

  async #readSignals(): Promise<void> {
    const now = Date.now();
    const signals = parseSignals(await this.#tail.read(), now);
    if (signals.length === 0) return;
    // What is minutes old was said while nobody listened; anything else was said just now, finer than in whole seconds.
    for (const signal of signals) this.#options.input(now - signal.at < 3000 ? { ...signal, at: now } : signal);
    this.#noteConversation(signals);
    if (signals.some(signal => signal.word === 'start'))
      this.#overdue = this.#later('overdue', this.#options.readyAfter ?? OVERDUE, this.#overdue);
    if (this.#options.registry !== undefined) this.#settle = this.#later('settle', SETTLE, this.#settle);
  }

  #noteConversation(signals: readonly SignalInput[]): void {
    const before = this.#conversation;
    for (const { word, conversation, at } of signals) {
      this.#conversation = word === 'start' ? undefined : (conversation ?? this.#conversation);
      this.#endedAt = word === 'exit' ? at : word === 'start' ? undefined : this.#endedAt;
    }
    if (this.#conversation === undefined || this.#conversation === before) return;
    this.#options.conversation(this.#conversation);
    this.#registry.ask();
  }

  async #readRegistry(): Promise<void> {
    const { registry, sessionDir } = this.#options;
    if (registry === undefined) return;
    const input = await readRegistry(sessionDir, registry.split('/'), Date.now(), this.#conversation, this.#endedAt);
    if (input === undefined) return;
    this.#options.input(input);
    // Nothing of ours is in its command line, so that no hook tells of it.
    if (input.successor === undefined || input.conversation === this.#conversation) return;
    this.#conversation = input.conversation;
    if (input.conversation !== undefined) this.#options.conversation(input.conversation);
  }

  #later(kind: 'settle' | 'overdue', wait: number, before: NodeJS.Timeout | undefined): NodeJS.Timeout {
    clearTimeout(before);
    return setTimeout(() => this.#options.input({ kind, at: Date.now() }), wait).unref();
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.log.warn(`The signals in ${this.#options.sessionDir} could not be read: ${messageOf(error)}`);
    }
  }

  #watch(path: string, pace: Pace): void {
    try {
      const watcher = watch(path, { persistent: false }, () => pace.ask());
      watcher.on('error', error => this.#deaf(path, error));
      this.#watchers.push(watcher);
    } catch (error) {
      this.#deaf(path, error);
    }
  }

  /** As when the kernel has no watcher to spare; or the directory is gone, with its session. */
  #deaf(path: string, error: unknown): void {
    this.#options.log.warn(`${path} is not watched: ${messageOf(error)}`);
    const why = 'What the agent says cannot be heard: this computer cannot watch its files.';
    // Whoever made this one has to know it first.
    setImmediate(() => this.#options.input({ kind: 'deaf', why, at: Date.now() }));
  }
}
