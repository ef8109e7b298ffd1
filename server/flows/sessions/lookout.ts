import { agentNames } from '../../agents/registry.ts';
import type { Attention } from '../../attention/attention.ts';
import type { LookNeed } from '../../attention/look.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { look, parseLook } from '../../guest/keys.ts';
import type { Incus } from '../../incus/client.ts';
import type { Instance } from '../../incus/types/instance.ts';
import { type CgroupPlace, cgroupPlace, readActivity } from '../../slots/cgroup.ts';
import { identify } from '../../slots/keys.ts';
import type { SlotBoard } from '../../state/board.ts';
import { sessionOf } from '../screen.ts';
import { type Activity, goesOn, isDue, type Looked } from './pace.ts';

/** How often (ms) it is asked whether a look is due, which costs two small reads of the kernel's for each slot in doubt. */
const TICK = 5000;
/** Signs of one slot within this time (ms) lead to one look; a look that takes longer than the other is given up. */
const GATHER = 500;
const GIVE_UP = 15_000;
const LIMIT = 8 * 1024;

export interface LookoutParts {
  incus: Incus;
  attention: Attention;
  board: SlotBoard;
  log: Log;
  /** Whether somebody wants to know. */
  watched(): boolean;
}

/**
 * The last resort for the states of agents: looks at the tmux session of those that send no signals, and of those that said
 * that they work and are not heard of since. Only while a client is there, only where the kernel's counters of the container
 * show that something may have changed, and never in a slot whose state is known.
 */
export class Lookout {
  readonly #parts: LookoutParts;
  readonly #known = new Map<string, Looked>();
  readonly #places = new Map<string, { started: string | undefined; place: CgroupPlace | undefined }>();
  readonly #soon = new Map<string, NodeJS.Timeout>();
  #ticking: NodeJS.Timeout | undefined;

  constructor(parts: LookoutParts) {
    this.#parts = parts;
    parts.attention.onChange((name, { state }) => {
      // Another question has another screen.
      if (state === 'waiting') this.#known.delete(name);
      this.#arm();
    });
  }

  /** What Incus says of an instance now, after attention has been told. */
  see(name: string, instance: Instance | undefined): void {
    if (instance === undefined) {
      this.#known.delete(name);
      this.#places.delete(name);
      clearTimeout(this.#soon.get(name));
      this.#soon.delete(name);
    }
    this.#arm();
  }

  /** There is a reason to look at this slot soon, once for several. */
  look(name: string): void {
    if (this.#soon.has(name)) return;
    const later = () => {
      this.#soon.delete(name);
      void this.#look(name);
    };
    this.#soon.set(name, setTimeout(later, GATHER).unref());
  }

  close(): void {
    clearInterval(this.#ticking);
    for (const timer of this.#soon.values()) clearTimeout(timer);
    this.#soon.clear();
  }

  #arm(): void {
    if (this.#parts.attention.unsure().size === 0) {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
      this.#known.clear();
    } else {
      this.#ticking ??= setInterval(() => void this.#tick(), TICK).unref();
    }
  }

  async #tick(): Promise<void> {
    if (!this.#parts.watched()) return;
    const unsure = this.#parts.attention.unsure();
    for (const name of this.#known.keys()) if (!unsure.has(name)) this.#known.delete(name);
    await Promise.all([...unsure].map(([name, need]) => this.#consider(name, need)));
  }

  async #consider(name: string, need: LookNeed): Promise<void> {
    const instance = this.#parts.board.instance(name);
    if (instance?.running !== true) return;
    const place = await this.#place(instance);
    const now: Activity = { at: performance.now(), ...(place && (await readActivity(place))) };
    const known = this.#known.get(name) ?? {
      lookedAt: need === 'doubt' ? now.at : Number.NEGATIVE_INFINITY,
      busyAt: now.at,
    };
    const { state } = this.#parts.attention.state(name);
    const { due, looked } = isDue(known, now, need, state);
    this.#known.set(name, looked);
    if (due) await this.#look(name);
  }

  async #place(instance: Instance): Promise<CgroupPlace | undefined> {
    const known = this.#places.get(instance.name);
    if (known !== undefined && known.started === instance.lastUsedAt) return known.place;
    const found = { started: instance.lastUsedAt, place: await this.#find(instance.name) };
    this.#places.set(instance.name, found);
    return found.place;
  }

  async #find(name: string): Promise<CgroupPlace | undefined> {
    try {
      return await cgroupPlace((await this.#parts.incus.instanceState(name)).pid);
    } catch (error) {
      this.#parts.log.debug(`The counters of ${name} are not read: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #look(name: string): Promise<void> {
    const { incus, attention, board, log } = this.#parts;
    const instance = board.instance(name);
    const identity = instance && identify(instance);
    // What is being opened, started or closed has no agent yet, or none any more.
    if (instance?.running !== true || identity === undefined || identity.phase !== undefined) return;
    const from = performance.now();
    const known = this.#known.get(name);
    if (known !== undefined) Object.assign(known, { lookedAt: from, changed: false });
    try {
      const { argv, user, group, env } = look(sessionOf({ name, instance, identity }));
      const o = { user, group, env, limit: LIMIT, signal: AbortSignal.timeout(GIVE_UP) };
      const { exitCode, stdout } = await incus.exec(name, argv, o);
      const found = parseLook(exitCode, stdout.toString('utf8'), Date.now());
      if (found === undefined) return;
      const { seen, changedAt, command, screen } = found;
      if (known !== undefined && screen !== undefined) known.screens = [...(known.screens ?? []).slice(-2), screen];
      const moves = known && goesOn(known);
      const at = Date.now();
      const more = { ...(changedAt === undefined ? {} : { changedAt }), ...(moves === undefined ? {} : { moves }) };
      attention.seen(name, { seen, at, ...more }, from);
      const agent = identity.keyed || command === undefined ? undefined : agentIn(command);
      if (agent !== undefined) board.note(name, { agent });
    } catch (error) {
      log.debug(`Looking at the agent of ${name} failed: ${messageOf(error)}`);
    }
  }
}

/** The agent that coi's command line starts: `bash -c "trap : INT; claude --verbose …; exec bash"`. */
function agentIn(command: string): string | undefined {
  const words = command.split(/[\s;]+/).map(word => word.slice(word.lastIndexOf('/') + 1));
  return words.find(word => word !== 'shell' && agentNames().includes(word));
}
