import type { Instance } from '../incus/types/instance.ts';
import type { AgentStateName, StateChange } from '../protocol/types.ts';
import type { Trouble } from '../slots/trouble.ts';
import { TroubleWatch } from '../slots/trouble-watch.ts';
import { Deadlines, timeOver } from './deadlines.ts';
import type { FlowDeps } from './deps.ts';

/** Problems that come and go with what is seen of a slot's limits. */
const KINDS: ReadonlySet<string> = new Set<Trouble['kind']>(['memory', 'processes', 'disk', 'tmp', 'isolation']);

/** Watches over the limits of all slots: their time, and what they run into. */
export class LimitGuard {
  readonly #deps: () => FlowDeps;
  readonly #deadlines: Deadlines;
  readonly #trouble: TroubleWatch;
  readonly #states = new Map<string, AgentStateName>();

  /** `deps` is asked for when something has to be done, which is after everything is built. */
  constructor(deps: () => FlowDeps, made: Pick<FlowDeps, 'incus' | 'board' | 'log'>) {
    const { incus, board, log } = made;
    this.#deps = deps;
    this.#deadlines = new Deadlines((name, deadline) => void timeOver(this.#deps(), name, deadline));
    this.#trouble = new TroubleWatch(
      incus,
      {
        trouble: (name, trouble) => {
          const problem = board.facts(name).problem;
          if (trouble === undefined && (problem === undefined || !KINDS.has(problem.kind))) return;
          board.note(name, { problem: trouble });
        },
      },
      log,
    );
  }

  /** What Incus says now of a slot's container; undefined when it is gone. */
  see(name: string, instance: Instance | undefined): void {
    this.#deadlines.see(name, instance);
    this.#trouble.see(name, instance);
    if (instance === undefined) this.#states.delete(name);
  }

  /** Something may be wrong with that slot. */
  look(name: string): void {
    this.#trouble.look(name);
  }

  /** What happened in that slot until now is over, such as when its limits were changed. */
  renew(name: string): void {
    this.#trouble.renew(name);
  }

  /** An agent that ended or stopped working may have run into something; one that works anew has got over it. */
  changed(change: StateChange): void {
    for (const { container, agentState, status } of change.slots ?? []) {
      const before = this.#states.get(container);
      if (before === agentState.state) continue;
      this.#states.set(container, agentState.state);
      this.#trouble.work(container, status === 'running' && agentState.state === 'working');
      if (before === undefined || status !== 'running') continue;
      if (agentState.state === 'working') this.#trouble.goOn(container);
      else this.#trouble.look(container);
    }
  }

  /** Why the backend has to stay. */
  duties(): string[] {
    return this.#deadlines.duties();
  }

  close(): void {
    this.#deadlines.close();
    this.#trouble.close();
  }
}
