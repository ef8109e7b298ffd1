import { existsSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import type { Instance } from '../incus/types/instance.ts';
import { isSessionName } from '../sessions/listing.ts';
import { identify } from '../slots/keys.ts';
import { clearStale } from '../workspace/protection/stale.ts';
import { clearBuilds } from './clear-builds.ts';
import type { FlowDeps } from './deps.ts';
import { reconcile } from './reconcile.ts';

/** Mends what was left half done, whenever the instances have been listed. One run at a time. */
export class Mending {
  readonly #deps: () => FlowDeps;
  #running = false;
  #again = false;
  #begun = false;
  /** What was seen half done, and by whom. */
  readonly #seen = new Set<string>();

  /** `deps` is asked when it runs, as the list can come before everything is built. */
  constructor(deps: () => FlowDeps) {
    this.#deps = deps;
  }

  /**
   * Takes what Incus says of an instance of ours now: Incus may get to a request of a backend that was killed only after this one has listed
   * what there is. What a backend of another home began is left to the next of its own, which can give the session back.
   */
  see(_name: string, instance: Instance | undefined): void {
    const { phase, backend, agent, session } = (instance && identify(instance)) ?? {};
    if (phase === undefined || agent === undefined || session === undefined) return;
    const { backendKey, sessions } = this.#deps();
    if (backend === backendKey || !isSessionName(agent, session)) return;
    if (existsSync(sessions.directory(agent, session)) && this.#isNew(instance)) void this.run();
  }

  /** Never fails: what could not be mended is told, and tried again after the next list. */
  async run(): Promise<void> {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    const deps = this.#deps();
    try {
      while (this.#again) {
        this.#again = false;
        for (const instance of deps.board.instances()) this.#isNew(instance);
        await reconcile(deps);
        if (!this.#begun) await this.#once(deps);
      }
    } catch (error) {
      deps.log.error(`Mending what was left half done failed: ${messageOf(error)}`);
    } finally {
      this.#running = false;
    }
  }

  /** Whether what is under way there was not tried yet: a mend that failed waits for the next list. */
  #isNew(instance: Instance | undefined): boolean {
    const { phase, backend, session } = (instance && identify(instance)) ?? {};
    const what = [instance?.name, backend, phase, session].join();
    const isNew = phase !== undefined && !this.#seen.has(what);
    if (isNew) this.#seen.add(what);
    return isNew;
  }

  /** What backends that are gone left of builds and protections. Only once: later there is nothing new. */
  async #once(deps: FlowDeps): Promise<void> {
    await clearProtection(deps);
    await clearBuilds(deps);
    this.#begun = true;
  }
}

/** Clears flags and placeholders of slots whose end nobody saw, as after a crash of the host. */
async function clearProtection(deps: FlowDeps): Promise<void> {
  try {
    const { stale } = await clearStale(deps.incus);
    if (stale.length > 0) deps.log.warn(`The protections of ${stale.join(', ')} could not be cleared.`);
  } catch (error) {
    deps.log.error(`Clearing what slots left protected failed: ${messageOf(error)}`);
  }
}
