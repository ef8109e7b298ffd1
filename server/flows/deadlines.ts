import { messageOf } from '../base/errors.ts';
import type { Instance } from '../incus/types/instance.ts';
import { DEADLINE_KEY, type Deadline, readDeadline } from '../slots/deadline.ts';
import type { FlowDeps } from './deps.ts';
import { stopSlot } from './stop.ts';

/** Longest wait (ms) at once: timers neither count the time that a machine sleeps nor take more than 24 days. */
const LONGEST = 5 * 60_000;

interface Watched {
  deadline: Deadline;
  timer: NodeJS.Timeout;
}

/**
 * Ends slots whose time is over. What holds is stored on each instance, so that the next backend goes on when this one dies; a time
 * that was over meanwhile is acted upon as soon as the slot is seen.
 */
export class Deadlines {
  readonly #watched = new Map<string, Watched>();
  readonly #over: (name: string, deadline: Deadline) => void;

  /** `over` is called once when the time of a running slot is over. */
  constructor(over: (name: string, deadline: Deadline) => void) {
    this.#over = over;
  }

  /** What Incus says now of a slot's container; undefined when it is gone. */
  see(name: string, instance: Instance | undefined): void {
    const up = instance !== undefined && (instance.running || instance.frozen);
    const deadline = up ? readDeadline(instance.config[DEADLINE_KEY]) : undefined;
    const known = this.#watched.get(name);
    if (known !== undefined && known.deadline.at === deadline?.at && known.deadline.stop === deadline.stop) return;
    clearTimeout(known?.timer);
    this.#watched.delete(name);
    if (deadline !== undefined) this.#arm(name, deadline);
  }

  /** Why the backend has to stay. */
  duties(): string[] {
    return [...this.#watched]
      .filter(([, { deadline }]) => deadline.at > Date.now())
      .map(([name, { deadline }]) => `${name} may run until ${new Date(deadline.at).toISOString()}`);
  }

  close(): void {
    for (const { timer } of this.#watched.values()) clearTimeout(timer);
    this.#watched.clear();
  }

  #arm(name: string, deadline: Deadline): void {
    const wait = Math.min(LONGEST, Math.max(0, deadline.at - Date.now()));
    const timer = setTimeout(() => {
      if (Date.now() < deadline.at) this.#arm(name, deadline);
      else this.#over(name, deadline);
    }, wait);
    timer.unref();
    this.#watched.set(name, { deadline, timer });
  }
}

/** Stops a slot whose time is over, or only says so. Failures are shown on the row: nobody waits for an answer. */
export async function timeOver(deps: FlowDeps, name: string, { at, stop }: Deadline): Promise<void> {
  const when = new Date(at).toISOString();
  const tell = (what: string) => deps.board.note(name, { problem: { kind: 'time-limit', message: what } });
  const more = 'Start it again for another turn, or change limits.runtime.max_duration.';
  if (stop === undefined) {
    tell(`The time of this slot was over at ${when}; limits.runtime.auto_stop is off, so it runs on.`);
    return;
  }
  try {
    await stopSlot(deps, name, stop, new AbortController().signal);
    // Who starts it by other means does not want it stopped at once.
    await deps.incus.patchInstance(name, { config: { [DEADLINE_KEY]: '' } }).catch((error: unknown) => {
      deps.log.warn(`Taking the deadline from ${name} failed: ${messageOf(error)}`);
    });
    tell(`Stopped because its time was over at ${when} (limits.runtime.max_duration). ${more}`);
  } catch (error) {
    deps.log.error(`Stopping ${name} when its time was over failed: ${messageOf(error)}`);
    tell(`Its time was over at ${when}, but stopping it failed: ${messageOf(error)}`);
  }
}
