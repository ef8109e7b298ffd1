import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { SESSION_ID } from './record.ts';

/** Changes within this time are told at once. Milliseconds. */
const COALESCE = 200;

/** Of how many sessions the records are watched at most: the kernel gives a user some thousands of watches, and editors need many. */
const MOST = 2000;

/** Who is told what other programs did. Either may be called although nothing is different. */
export interface SessionChanges {
  /** Sessions may have come or gone. */
  listed(): void;
  /** The record of a session may have been written anew. */
  changed(id: string): void;
}

/** Tells what coi and other backends change of the sessions: their directories are watched (inotify), nothing is polled. */
export class SessionWatch {
  /** Resolves when what there was at first is watched. */
  readonly ready: Promise<void>;
  readonly #root: string;
  readonly #log: Log;
  readonly #on: SessionChanges;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #changed = new Set<string>();
  readonly #begin: typeof watch;
  #complete = true;
  #warned = false;
  #listed = false;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** `begin` watches one directory. */
  constructor(root: string, log: Log, on: SessionChanges, begin = watch) {
    this.#begin = begin;
    this.#root = root;
    this.#log = log;
    this.#on = on;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    this.#add(root, () => this.#soonListed());
    this.ready = this.#look();
  }

  /** Where not all of it can be watched, watches what can be by now and tells that there may be changes. */
  async lookAgain(): Promise<void> {
    if (this.#complete) return;
    await this.#look();
    if (!this.#ended) this.#on.listed();
  }

  close(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const path of [...this.#watchers.keys()]) this.#drop(path);
  }

  /** Watches what is there now. */
  async #look(): Promise<void> {
    this.#complete = true;
    const agents = (await namesIn(this.#root)).filter(name => name.startsWith('sessions-'));
    const wanted = new Set([this.#root, ...agents.map(name => join(this.#root, name))]);
    // First those above: what is made in one meanwhile is then found by its event.
    for (const path of wanted) this.#add(path, () => this.#soonListed());
    for (const path of [...wanted]) {
      for (const id of (await namesIn(path)).filter(name => path !== this.#root && SESSION_ID.test(name))) {
        if (wanted.size >= MOST) {
          this.#complete = false;
          break;
        }
        wanted.add(join(path, id));
        this.#add(join(path, id), name => this.#soonChanged(id, name));
      }
    }
    for (const path of [...this.#watchers.keys()]) if (!wanted.has(path)) this.#drop(path);
  }

  #soonListed(): void {
    this.#listed = true;
    this.#soon();
  }

  #soonChanged(id: string, name: string | null): void {
    if (name !== null && name !== 'metadata.json') return;
    this.#changed.add(id);
    this.#soon();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => void this.#tell(), COALESCE).unref();
  }

  async #tell(): Promise<void> {
    this.#timer = undefined;
    const [listed, changed] = [this.#listed, [...this.#changed]];
    this.#listed = false;
    this.#changed.clear();
    if (listed) await this.#look();
    if (this.#ended) return;
    if (listed) this.#on.listed();
    else for (const id of changed) this.#on.changed(id);
  }

  #add(path: string, seen: (name: string | null) => void): void {
    if (this.#ended || this.#watchers.has(path)) return;
    try {
      const watcher = this.#begin(path, { persistent: false }, (_, name) => seen(name));
      watcher.on('error', () => this.#drop(path));
      this.#watchers.set(path, watcher);
    } catch (error) {
      if (isGone(error)) return;
      this.#complete = false;
      const message = `Sessions in ${path} are not watched, so what coi changes there is seen late: ${messageOf(error)}`;
      if (this.#warned) this.#log.debug(message);
      else this.#log.warn(message);
      this.#warned = true;
    }
  }

  #drop(path: string): void {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** The names in a directory; none where it is gone. */
async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
