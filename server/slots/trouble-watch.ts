import { type FSWatcher, watch } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Serial } from '../base/serial.ts';
import type { Incus } from '../incus/client.ts';
import type { Instance } from '../incus/types.ts';
import { type CgroupPlace, type CgroupView, cgroupPlace, readCgroup } from './cgroup.ts';
import { type Evidence, processTrouble, type Trouble, troubleOf } from './trouble.ts';

/** Time (ms) in which signs of one slot lead to one look, and after which asking inside is given up. */
const GATHER_MS = 400;
const ASK_MS = 5000;
/** After a start this long (ms) the slot is left alone, as its agent is being started: asking for its state takes Incus 30 ms. */
const BEGIN_MS = 400;

/** How often (ms) the counters of slots at work are read where the kernel does not tell of changes. */
const COUNT_MS = 20_000;

const NOBODY = 65534;

/** Writes 64 KiB where every user may. */
const TRY = [
  'try() { f=$2/.incus-agents-try-$$; head -c 65536 /dev/zero >$f || echo $1; rm -f $f; }',
  '{ try disk /var/tmp; try tmp /tmp; } 2>/dev/null',
].join('\n');

interface Watched {
  place: CgroupPlace;
  /** As it was when first seen: what happened before, another backend has told. */
  before: CgroupView;
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

  constructor(incus: Incus, sink: TroubleSink, log: Log) {
    this.#incus = incus;
    this.#sink = sink;
    this.#log = log;
  }

  /** What Incus says now of a slot's container; undefined when it is gone. */
  see(name: string, instance: Instance | undefined): void {
    if (instance?.running !== true) {
      if (instance?.frozen !== true) this.#forget(name);
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
    if (this.#looking.has(name)) return;
    this.#looking.set(
      name,
      setTimeout(() => {
        this.#looking.delete(name);
        void this.#serial.run(name, () => this.#look(name));
      }, GATHER_MS).unref(),
    );
  }

  /** What happened until now is over: the work goes on. */
  renew(name: string): void {
    const watched = this.#watchedNow(name);
    if (watched === undefined) return;
    void readCgroup(watched.place).then(now => {
      watched.before = now;
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
      const now = await readCgroup(watched.place);
      const { oomKills, refusedProcesses } = watched.before;
      if (now.oomKills > oomKills || now.refusedProcesses > refusedProcesses) this.look(name);
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
      if (place === undefined || this.#watched.get(name) !== beginning) return;
      const files = [`${place.pids}/pids.events`, ...(place.version === 2 ? [`${place.memory}/memory.events`] : [])];
      const before = await readCgroup(place);
      const watchers = files.map(file => watch(file, { persistent: false }, () => this.look(name)));
      for (const watcher of watchers) watcher.on('error', () => watcher.close());
      if (this.#watched.get(name) === beginning) this.#watched.set(name, { place, before, watchers });
      else for (const watcher of watchers) watcher.close();
    } catch (error) {
      this.#log.debug(`The limits of ${name} are not watched: ${messageOf(error)}`);
    }
  }

  async #look(name: string): Promise<void> {
    try {
      const found = await this.#incus.instance(name);
      if (found === undefined) return;
      const { instance } = found;
      if (instance.expandedConfig['security.privileged'] === 'true') return this.#sink.trouble(name, PRIVILEGED);
      const kernel = this.#watchedNow(name);
      const size = instance.expandedDevices.root?.size;
      const known: Evidence = {
        ...(kernel === undefined ? {} : { before: kernel.before, now: await readCgroup(kernel.place) }),
        ...(size === undefined ? {} : { diskLimit: size }),
      };
      const crowded = processTrouble(known);
      const full = crowded === undefined ? await this.#full(instance) : [];
      const trouble = crowded ?? troubleOf({ ...known, ...(full === 'stuck' ? { stuck: true } : { full }) });
      this.#sink.trouble(name, trouble);
    } catch (error) {
      this.#log.debug(`Looking at the limits of ${name} failed: ${messageOf(error)}`);
    }
  }

  /**
   * Tries where something can be written, which is true of every kind of pool, also of files that run out. What comes from inside
   * can at most make a wrong warning.
   */
  async #full({ name, running }: Instance): Promise<('disk' | 'tmp')[] | 'stuck'> {
    if (!running) return [];
    try {
      const o = { user: NOBODY, group: NOBODY, signal: AbortSignal.timeout(ASK_MS), limit: 64 };
      const { stdout } = await this.#incus.exec(name, ['/bin/sh', '-c', TRY], o);
      const found = stdout.toString('utf8').split('\n');
      if (found.includes('disk')) return ['disk'];
      return found.includes('tmp') ? ['tmp'] : [];
    } catch {
      return 'stuck';
    }
  }

  #forget(name: string): void {
    const watched = this.#watched.get(name);
    this.work(name, false);
    this.#started.delete(name);
    this.#watched.delete(name);
    if (watched === undefined) return;
    if ('timer' in watched) clearTimeout(watched.timer);
    else for (const watcher of watched.watchers) watcher.close();
  }
}

const PRIVILEGED: Trouble = {
  kind: 'isolation',
  message:
    'This container is privileged: root in it is root on this machine. Nothing is held. Stop it, and take it back with `incus config set`.',
};
