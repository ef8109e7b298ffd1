import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Serial } from '../base/serial.ts';
import type { Incus } from '../incus/client.ts';
import type { Instance } from '../incus/types/instance.ts';
import { hasMoreEvents, readCgroup } from './cgroup.ts';
import { CgroupWatch } from './cgroup-watch.ts';
import { fullPlaces } from './full.ts';
import { type Evidence, privilegedTrouble, processTrouble, type Trouble, troubleOf } from './trouble.ts';

/** Time (ms) in which signs of one slot lead to one look. */
const GATHER_MS = 400;
/** How often a look that failed is repeated, and after how long (ms). */
const MOST_REPEATS = 3;
const REPEAT_MS = 2000;

/** Where what was found goes. */
export interface TroubleSink {
  /** The trouble that a slot is in now; undefined for none. */
  trouble(name: string, trouble: Trouble | undefined): void;
}

/**
 * Finds out when a slot has run into a limit. Nothing is polled: the kernel's files of events are watched where they tell of
 * changes, and everything else is looked at when there is a sign (`look`).
 */
export class TroubleWatch {
  readonly #incus: Incus;
  readonly #sink: TroubleSink;
  readonly #log: Log;
  readonly #kernel: CgroupWatch;
  readonly #serial = new Serial();
  readonly #looking = new Map<string, NodeJS.Timeout>();
  /** How many looks at a slot have failed one after the other. */
  readonly #failed = new Map<string, number>();

  constructor(incus: Incus, sink: TroubleSink, log: Log) {
    this.#incus = incus;
    this.#sink = sink;
    this.#log = log;
    this.#kernel = new CgroupWatch(incus, log, name => this.look(name));
  }

  /** What Incus says now of a slot's container; undefined when it is gone. */
  see(name: string, instance: Instance | undefined): void {
    if (instance?.running !== true) {
      // In its state "Error" Incus only does not know how the container does.
      if (instance === undefined || instance.status === 'Stopped') this.#forget(name);
      return;
    }
    const privileged = privilegedTrouble(instance.expandedConfig);
    if (privileged !== undefined) this.#sink.trouble(name, privileged);
    // Started anew it may be counted elsewhere, and has not run into anything yet.
    if (!this.#kernel.isOf(name, instance.lastUsedAt)) this.#forget(name);
    this.#kernel.begin(name, instance.lastUsedAt);
  }

  /** There is a sign that something may be wrong with a slot: looks soon, once for several signs. */
  look(name: string): void {
    this.#lookAfter(name, GATHER_MS);
  }

  #lookAfter(name: string, ms: number): void {
    if (this.#looking.has(name)) return;
    this.#looking.set(
      name,
      setTimeout(() => {
        this.#looking.delete(name);
        void this.#serial.run(name, () => this.#look(name));
      }, ms).unref(),
    );
  }

  /** The work goes on, so what has been told is over. What nobody has looked at yet is still to be told. */
  goOn(name: string): void {
    const watched = this.#kernel.get(name);
    if (watched === undefined) return;
    watched.before = watched.seen;
    this.look(name);
  }

  /** What happened until now is over, told or not: the user has changed the limits. */
  renew(name: string): void {
    const watched = this.#kernel.get(name);
    if (watched === undefined) return;
    void readCgroup(watched.place).then(now => {
      watched.before = now;
      watched.seen = now;
      this.look(name);
    });
  }

  /** Whether an agent works there, so that it may run into something at any time. */
  work(name: string, works: boolean): void {
    this.#kernel.work(name, works);
  }

  /** Ends all watching and every look that is to come. */
  close(): void {
    for (const timer of this.#looking.values()) clearTimeout(timer);
    this.#kernel.close();
  }

  async #look(name: string): Promise<void> {
    try {
      const found = await this.#incus.instance(name);
      if (found !== undefined) await this.#tell(found.instance);
      this.#failed.delete(name);
    } catch (error) {
      this.#log.debug(`Looking at the limits of ${name} failed: ${messageOf(error)}`);
      const failed = (this.#failed.get(name) ?? 0) + 1;
      this.#failed.set(name, failed);
      if (failed <= MOST_REPEATS) this.#lookAfter(name, REPEAT_MS);
      else this.#failed.delete(name);
    }
  }

  async #tell(instance: Instance): Promise<void> {
    const { name } = instance;
    this.see(name, instance); // The watching may not have begun.
    const privileged = privilegedTrouble(instance.expandedConfig);
    if (privileged !== undefined) return this.#sink.trouble(name, privileged);
    const kernel = this.#kernel.get(name);
    const now = kernel === undefined ? undefined : await readCgroup(kernel.place);
    const size = instance.expandedDevices.root?.size;
    const known: Evidence = {
      ...(kernel === undefined || now === undefined ? {} : { before: kernel.before, now }),
      ...(size === undefined ? {} : { diskLimit: size }),
    };
    // What the kernel says does not wait for what may hang inside.
    const crowded = processTrouble(known);
    if (crowded === undefined && kernel !== undefined && now !== undefined && hasMoreEvents(now, kernel.seen)) {
      const trouble = troubleOf(known);
      if (trouble !== undefined) this.#sink.trouble(name, trouble);
      kernel.seen = now;
    }
    const full = crowded === undefined ? await fullPlaces(this.#incus, instance) : [];
    const trouble = crowded ?? troubleOf({ ...known, ...(full === 'stuck' ? { stuck: true } : { full }) });
    this.#sink.trouble(name, trouble);
    if (kernel !== undefined && now !== undefined) kernel.seen = now;
  }

  #forget(name: string): void {
    this.#kernel.forget(name);
    this.#failed.delete(name);
  }
}
