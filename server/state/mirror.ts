import { isCancelled, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Incus } from '../incus/client.ts';
import type { IncusEvent } from '../incus/types/event.ts';
import type { Instance } from '../incus/types/instance.ts';
import type { IncusState } from '../protocol/types.ts';

/** What of Incus it follows. */
type Source = Pick<Incus, 'availability' | 'events' | 'instance' | 'instances'>;

/** Who is told what the mirror sees. */
export interface MirrorSink {
  /** Whether an instance of that name could be of interest at all; the others' events cost nothing. */
  relevant(name: string): boolean;
  incus(state: IncusState): void;
  all(instances: Instance[]): void;
  one(name: string, instance: Instance | undefined): void;
}

/** Events of one instance that come within this time (ms) lead to one GET. */
const COALESCE_MS = 15;
/** Safety net, since events can be dropped without a word (ms). */
const RELIST_MS = 10 * 60_000;
/** Until it is tried again when the list failed or Incus cannot be used yet, as long as the events come (ms). */
const AGAIN_MS = 5000;

/**
 * Follows Incus: lists once per connection of the event socket, and from then on re-reads only what an event named.
 * An event is only a reason to look: their order on the wire is not kept.
 */
export class InstanceMirror {
  readonly #incus: Source;
  readonly #sink: MirrorSink;
  readonly #log: Log;
  readonly #dirty = new Map<string, NodeJS.Timeout>();
  readonly #reading = new Map<string, { again: boolean; done: Promise<void> }>();
  /** What was read by name while a list was under way: the list's answer may be older than that. */
  #meanwhile: Map<string, Instance | undefined> | undefined;
  #events: { close(): void } | undefined;
  #relist: NodeJS.Timeout | undefined;
  #generation = 0;
  /** Lists that failed since the last that did not. */
  #failures = 0;
  /** True at first, as nothing has been said yet. */
  #connected = true;

  constructor(incus: Source, sink: MirrorSink, log: Log) {
    this.#incus = incus;
    this.#sink = sink;
    this.#log = log;
  }

  start(): void {
    this.#events = this.#incus.events({
      onOpen: () => {
        this.#connected = true;
        void this.list();
      },
      onEvent: event => this.#onEvent(event),
      onClose: reason => void this.#lost(reason),
    });
  }

  /** Reads everything anew. Never throws: what fails twice in a row is told as the state of Incus. */
  async list(): Promise<void> {
    clearTimeout(this.#relist);
    const generation = ++this.#generation;
    let next = RELIST_MS;
    try {
      const state = await this.#incus.availability();
      // What was seen last stays while Incus cannot be asked: a stale row says more than none.
      const instances = state.status === 'ready' ? await this.#listed() : undefined;
      if (generation !== this.#generation) return;
      this.#failures = 0;
      if (instances !== undefined) this.#sink.all(this.#newest(instances));
      this.#sink.incus(state);
      if (state.status !== 'ready') next = AGAIN_MS;
    } catch (error) {
      if (isCancelled(error) || generation !== this.#generation) return;
      this.#log.warn(`Listing the instances failed: ${messageOf(error)}`);
      this.#failures += 1;
      if (this.#failures > 1) this.#sink.incus({ status: 'unavailable', message: messageOf(error) });
      next = AGAIN_MS;
    }
    this.#relist = setTimeout(() => void this.list(), next);
    this.#relist.unref();
  }

  #listed(): Promise<Instance[]> {
    this.#meanwhile = new Map();
    return this.#incus.instances();
  }

  /** What a list says, but for the names that were read since it began. */
  #newest(listed: Instance[]): Instance[] {
    const read = this.#meanwhile ?? new Map<string, Instance | undefined>();
    this.#meanwhile = undefined;
    const others = listed.filter(({ name }) => !read.has(name));
    return [...others, ...[...read.values()].filter(instance => instance !== undefined)];
  }

  /**
   * Reads one instance and tells what was seen; a flow calls this after its own change. What is seen is never older
   * than the call. Never throws: the next event or list mends what could not be read.
   */
  refresh(name: string): Promise<void> {
    const running = this.#reading.get(name);
    if (running !== undefined) {
      running.again = true;
      return running.done;
    }
    const reading = { again: false, done: Promise.resolve() };
    reading.done = this.#read(name, reading);
    this.#reading.set(name, reading);
    return reading.done;
  }

  async #read(name: string, reading: { again: boolean }): Promise<void> {
    do {
      reading.again = false;
      try {
        const found = await this.#incus.instance(name);
        if (reading.again) continue;
        this.#meanwhile?.set(name, found?.instance);
        this.#sink.one(name, found?.instance);
      } catch (error) {
        this.#log.warn(`Reading instance ${name} failed: ${messageOf(error)}`);
      }
    } while (reading.again);
    this.#reading.delete(name);
  }

  close(): void {
    this.#generation += 1;
    clearTimeout(this.#relist);
    for (const timer of this.#dirty.values()) clearTimeout(timer);
    this.#dirty.clear();
    this.#events?.close();
  }

  #onEvent(event: IncusEvent): void {
    if (event.type !== 'lifecycle' || event.instance === undefined) return;
    const name = event.instance;
    const former = event.context.old_name;
    if (event.action === 'instance-renamed' && typeof former === 'string') this.#soon(former);
    if (event.action === 'instance-exec' || event.action === 'instance-console') return;
    this.#soon(name);
  }

  #soon(name: string): void {
    if (!this.#sink.relevant(name) || this.#dirty.has(name)) return;
    this.#dirty.set(
      name,
      setTimeout(() => {
        this.#dirty.delete(name);
        void this.refresh(name);
      }, COALESCE_MS),
    );
  }

  async #lost(reason: string): Promise<void> {
    const generation = ++this.#generation;
    // Each attempt to connect again that fails ends here too; only the first is news.
    if (this.#connected) {
      this.#log.info(`The event stream of Incus ended: ${reason}`);
      this.#sink.incus({ status: 'connecting' });
    }
    this.#connected = false;
    try {
      const state = await this.#incus.availability();
      if (generation === this.#generation && state.status === 'unavailable') this.#sink.incus(state);
    } catch (error) {
      if (!isCancelled(error)) throw error;
    }
  }
}
