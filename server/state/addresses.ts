import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Incus } from '../incus/client.ts';
import type { Instance } from '../incus/types/instance.ts';

/** Milliseconds after a start at which an address is asked for: it comes by DHCP without any event, usually within a second. */
const ATTEMPTS = [300, 700, 1500, 3000, 6000, 15_000];

interface Search {
  startedAt: string | undefined;
  timer?: NodeJS.Timeout;
}

/** Finds the address of a container once after each of its starts, in a few attempts; nothing is polled afterwards. */
export class AddressFinder {
  readonly #incus: Pick<Incus, 'instanceState'>;
  readonly #found: (name: string, ip: string | undefined) => void;
  readonly #log: Log;
  readonly #searches = new Map<string, Search>();

  constructor(incus: Pick<Incus, 'instanceState'>, found: (name: string, ip: string | undefined) => void, log: Log) {
    this.#incus = incus;
    this.#found = found;
    this.#log = log;
  }

  /** Takes what is known of an instance of ours now; undefined when it is gone. */
  see(name: string, instance: Instance | undefined): void {
    const search = this.#searches.get(name);
    if (instance === undefined || !(instance.running || instance.frozen)) {
      clearTimeout(search?.timer);
      this.#searches.delete(name);
      return;
    }
    if (search !== undefined && search.startedAt === instance.lastUsedAt) return;
    clearTimeout(search?.timer);
    const begun: Search = { startedAt: instance.lastUsedAt };
    this.#searches.set(name, begun);
    if (search !== undefined) this.#found(name, undefined);
    this.#later(name, begun, 0);
  }

  close(): void {
    for (const search of this.#searches.values()) clearTimeout(search.timer);
    this.#searches.clear();
  }

  #later(name: string, search: Search, attempt: number): void {
    const delay = ATTEMPTS[attempt];
    if (delay === undefined) return;
    search.timer = setTimeout(() => void this.#look(name, search, attempt), delay);
    search.timer.unref();
  }

  async #look(name: string, search: Search, attempt: number): Promise<void> {
    try {
      const { ip } = await this.#incus.instanceState(name);
      if (this.#searches.get(name) !== search) return;
      if (ip === undefined) this.#later(name, search, attempt + 1);
      else this.#found(name, ip);
    } catch (error) {
      this.#log.debug(`Asking for the address of ${name} failed: ${messageOf(error)}`);
      if (this.#searches.get(name) === search) this.#later(name, search, attempt + 1);
    }
  }
}
