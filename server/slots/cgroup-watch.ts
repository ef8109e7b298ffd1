import { type FSWatcher, watch } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Incus } from '../incus/client.ts';
import { type CgroupPlace, type CgroupView, cgroupPlace, hasMoreEvents, readCgroup } from './cgroup.ts';

/** After a start this long (ms) the slot is left alone, as its agent is being started: asking for its state takes Incus 30 ms. */
const BEGIN_MS = 400;

/** How often (ms) the counters of slots at work are read where the kernel does not tell of changes. */
const COUNT_MS = 20_000;

/** A container that is watched; whoever looks at it notes what was found. */
export interface WatchedCgroup {
  readonly place: CgroupPlace;
  /** As it was when first seen, or when the work last went on: what happened before has been told. */
  before: CgroupView;
  /** As the last look that told something found it. */
  seen: CgroupView;
}

interface Watched extends WatchedCgroup {
  watchers: FSWatcher[];
}

/** A slot whose watching is still to begin. */
interface Beginning {
  timer: NodeJS.Timeout;
}

/**
 * Tells when the kernel has ended or refused something in a container. Its files of events are watched where they tell of changes; where
 * they do not, its counters are read while an agent works.
 */
export class CgroupWatch {
  readonly #incus: Incus;
  readonly #log: Log;
  readonly #sign: (name: string) => void;
  readonly #watched = new Map<string, Watched | Beginning>();
  readonly #started = new Map<string, string | undefined>();
  readonly #atWork = new Set<string>();
  #counting: NodeJS.Timeout | undefined;

  /** `sign` is told the container in which something may have happened. */
  constructor(incus: Incus, log: Log, sign: (name: string) => void) {
    this.#incus = incus;
    this.#log = log;
    this.#sign = sign;
  }

  /** Whether a container was last begun to be watched at the start that it had at `startedAt`. */
  isOf(name: string, startedAt: string | undefined): boolean {
    return this.#started.get(name) === startedAt;
  }

  /** Begins to watch a running container soon, unless it is watched; `startedAt` is as of when Incus says that it was started. */
  begin(name: string, startedAt: string | undefined): void {
    if (this.#watched.has(name)) return;
    this.#started.set(name, startedAt);
    const beginning = { timer: setTimeout(() => void this.#begin(name, beginning), BEGIN_MS).unref() };
    this.#watched.set(name, beginning);
  }

  /** What is known of a container; undefined while it is not watched. */
  get(name: string): WatchedCgroup | undefined {
    const watched = this.#watched.get(name);
    return watched === undefined || 'timer' in watched ? undefined : watched;
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

  /** Ends the watching of a container. */
  forget(name: string): void {
    const watched = this.#watched.get(name);
    this.work(name, false);
    this.#started.delete(name);
    this.#watched.delete(name);
    if (watched === undefined) return;
    if ('timer' in watched) clearTimeout(watched.timer);
    else for (const watcher of watched.watchers) watcher.close();
  }

  /** Ends it all. */
  close(): void {
    clearInterval(this.#counting);
    for (const name of [...this.#watched.keys()]) this.forget(name);
  }

  async #count(): Promise<void> {
    for (const name of this.#atWork) {
      const watched = this.get(name);
      if (watched === undefined || watched.place.version === 2) continue;
      if (hasMoreEvents(await readCgroup(watched.place), watched.before)) this.#sign(name);
    }
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
        const watcher = watch(file, { persistent: false }, () => this.#sign(name));
        watcher.on('error', () => watcher.close());
        return [watcher];
      } catch (error) {
        this.#log.debug(`${file} is not watched: ${messageOf(error)}`);
        return [];
      }
    });
  }
}
