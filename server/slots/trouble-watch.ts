import { type FSWatcher, watch } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Serial } from '../base/serial.ts';
import type { Incus } from '../incus/client.ts';
import type { Instance } from '../incus/types/instance.ts';
import { type CgroupPlace, type CgroupView, cgroupPlace, readCgroup } from './cgroup.ts';
import { fullPlaces } from './full.ts';
import { type Evidence, processTrouble, type Trouble, troubleOf } from './trouble.ts';

/** Time (ms) in which signs of one slot lead to one look. */
const GATHER_MS = 400;
/** After a start this long (ms) the slot is left alone, as its agent is being started: asking for its state takes Incus 30 ms. */
const BEGIN_MS = 400;

/** How often (ms) the counters of slots at work are read where the kernel does not tell of changes. */
const COUNT_MS = 20_000;

/** How often a look that failed is repeated, and after how long (ms). */
const MOST_REPEATS = 3;
const REPEAT_MS = 2000;

interface Watched {
  place: CgroupPlace;
  /** As it was when first seen, or when the work last went on: what happened before has been told. */
  before: CgroupView;
  /** As the last look that told something found it. */
  seen: CgroupView;
  watchers: FSWatcher[];
}

/** A slot whose watching is still to begin. */
interface Beginning {
  timer: NodeJS.Timeout;
}

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
  readonly #watched = new Map<string, Watched | Beginning>();
  readonly #started = new Map<string, string | undefined>();
  readonly #serial = new Serial();
  readonly #atWork = new Set<string>();
  #counting: NodeJS.Timeout | undefined;
  readonly #looking = new Map<string, NodeJS.Timeout>();
  /** How many looks at a slot have failed one after the other. */
  readonly #failed = new Map<string, number>();

  constructor(incus: Incus, sink: TroubleSink, log: Log) {
    this.#incus = incus;
    this.#sink = sink;
    this.#log = log;
  }

  /** What Incus says now of a slot's container; undefined when it is gone. */
  see(name: string, instance: Instance | undefined): void {
    if (instance?.running !== true) {
      // In its state "Error" Incus only does not know how the container does.
      if (instance === undefined || instance.status === 'Stopped') this.#forget(name);
      return;
    }
    if (instance.expandedConfig['security.privileged'] === 'true') this.#sink.trouble(name, PRIVILEGED);
    // Started anew it may be counted elsewhere, and has not run into anything yet.
    if (this.#started.get(name) !== instance.lastUsedAt) this.#forget(name);
    if (this.#watched.has(name)) return;
    this.#started.set(name, instance.lastUsedAt);
    const beginning = { timer: setTimeout(() => void this.#begin(name, beginning), BEGIN_MS).unref() };
    this.#watched.set(name, beginning);
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
    const watched = this.#watchedNow(name);
    if (watched === undefined) return;
    watched.before = watched.seen;
    this.look(name);
  }

  /** What happened until now is over, told or not: the user has changed the limits. */
  renew(name: string): void {
    const watched = this.#watchedNow(name);
    if (watched === undefined) return;
    void readCgroup(watched.place).then(now => {
      watched.before = now;
      watched.seen = now;
      this.look(name);
    });
  }

  /** Whether an agent works there: version 1 of control groups tells of nothing, so its counters are read meanwhile. */
  work(name: string, works: boolean): void {
    if (works) this.#atWork.add(name);
    else this.#atWork.delete(name);
    if (this.#atWork.size === 0) {
      clearInterval(this.#counting);
      this.#counting = undefined;
    } else {
      this.#counting ??= setInterval(() => void this.#count(), COUNT_MS).unref();
    }
  }

  async #count(): Promise<void> {
    for (const name of this.#atWork) {
      const watched = this.#watchedNow(name);
      if (watched === undefined || watched.place.version === 2) continue;
      if (hasMore(await readCgroup(watched.place), watched.before)) this.look(name);
    }
  }

  close(): void {
    clearInterval(this.#counting);
    for (const timer of this.#looking.values()) clearTimeout(timer);
    for (const name of [...this.#watched.keys()]) this.#forget(name);
  }

  #watchedNow(name: string): Watched | undefined {
    const watched = this.#watched.get(name);
    return watched === undefined || 'timer' in watched ? undefined : watched;
  }

  async #begin(name: string, beginning: Beginning): Promise<void> {
    try {
      const { pid } = await this.#incus.instanceState(name);
      const place = await cgroupPlace(pid);
      if (this.#watched.get(name) !== beginning) return;
      if (place === undefined) {
        this.#watched.delete(name); // It is begun again when there is news of it.
        return;
      }
      const before = await readCgroup(place);
      if (this.#watched.get(name) !== beginning) return;
      this.#watched.set(name, { place, before, seen: before, watchers: this.#watchersOf(name, place) });
    } catch (error) {
      if (this.#watched.get(name) === beginning) this.#watched.delete(name);
      this.#log.debug(`The limits of ${name} are not watched yet: ${messageOf(error)}`);
    }
  }

  /** Those that the kernel lets us have; without them a slot is looked at when there are other signs. */
  #watchersOf(name: string, place: CgroupPlace): FSWatcher[] {
    const files = [`${place.pids}/pids.events`, ...(place.version === 2 ? [`${place.memory}/memory.events`] : [])];
    return files.flatMap(file => {
      try {
        const watcher = watch(file, { persistent: false }, () => this.look(name));
        watcher.on('error', () => watcher.close());
        return [watcher];
      } catch (error) {
        this.#log.debug(`${file} is not watched: ${messageOf(error)}`);
        return [];
      }
    });
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
    if (instance.expandedConfig['security.privileged'] === 'true') return this.#sink.trouble(name, PRIVILEGED);
    const kernel = this.#watchedNow(name);
    const now = kernel === undefined ? undefined : await readCgroup(kernel.place);
    const size = instance.expandedDevices.root?.size;
    const known: Evidence = {
      ...(kernel === undefined || now === undefined ? {} : { before: kernel.before, now }),
      ...(size === undefined ? {} : { diskLimit: size }),
    };
    // What the kernel says does not wait for what may hang inside.
    const crowded = processTrouble(known);
    if (crowded === undefined && kernel !== undefined && now !== undefined && hasMore(now, kernel.seen)) {
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
    const watched = this.#watched.get(name);
    this.work(name, false);
    this.#started.delete(name);
    this.#failed.delete(name);
    this.#watched.delete(name);
    if (watched === undefined) return;
    if ('timer' in watched) clearTimeout(watched.timer);
    else for (const watcher of watched.watchers) watcher.close();
  }
}

/** Whether the kernel has ended or refused something since `before`. */
function hasMore(now: CgroupView, before: CgroupView): boolean {
  return now.oomKills > before.oomKills || now.refusedProcesses > before.refusedProcesses;
}

const PRIVILEGED: Trouble = {
  kind: 'isolation',
  message:
    'This container is privileged: root in it is root on this machine. Nothing is held. Stop it, and take it back with `incus config set`.',
};
