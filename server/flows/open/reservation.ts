import { Failure } from '../../base/errors.ts';
import { identify, type SlotIdentity } from '../../slots/keys.ts';
import { containerName } from '../../slots/names.ts';
import { type Candidate, candidates, type TakenSlot } from '../../slots/numbers.ts';
import type { SlotBoard } from '../../state/board.ts';

/**
 * Keeps opens of this backend from trying for the same slot: without it ten at once would all try the first number and
 * nine would fail at Incus. Between backends Incus itself decides, by refusing a second instance of a name.
 */
export class Reservations {
  readonly #board: SlotBoard;
  readonly #names = new Set<string>();

  constructor(board: SlotBoard) {
    this.#board = board;
  }

  /** Whether an open of this backend is at work on a container. */
  has(container: string): boolean {
    return this.#names.has(container);
  }

  /**
   * Gives `work` the best slot, and the next one when another program was faster there. Fails as `candidates` does, and
   * with the conflict itself when one number was asked for. Of stopped slots only those count for which `reuse` says yes.
   */
  async withSlot<T>(
    workspace: string,
    { maxSlots, asked, reuse }: { maxSlots: number; asked: number | undefined; reuse(kept: SlotIdentity): boolean },
    work: (candidate: Candidate, container: string) => Promise<T>,
  ): Promise<T> {
    const lost = new Set<number>();
    for (;;) {
      const [candidate] = candidates(this.#taken(workspace, maxSlots, lost, reuse), maxSlots, asked);
      if (candidate === undefined) throw new Failure('internal', 'No slot was found although some are free.');
      const container = containerName(workspace, candidate.slot);
      this.#names.add(container);
      try {
        return await work(candidate, container);
      } catch (error) {
        if (!(error instanceof LostRace) || asked !== undefined) throw error;
        lost.add(candidate.slot);
      } finally {
        this.#names.delete(container);
      }
    }
  }

  #taken(
    workspace: string,
    maxSlots: number,
    lost: ReadonlySet<number>,
    reuse: (kept: SlotIdentity) => boolean,
  ): TakenSlot[] {
    const taken: TakenSlot[] = [];
    for (let slot = 1; slot <= maxSlots; slot++) {
      const name = containerName(workspace, slot);
      const instance = this.#board.instance(name);
      const reserved = this.#names.has(name) || lost.has(slot) || this.#board.facts(name).transition !== undefined;
      if (instance === undefined) {
        if (reserved) taken.push({ slot, reusable: false });
        continue;
      }
      const identity = identify(instance);
      const idle = !instance.running && !instance.frozen && identity?.phase === undefined;
      taken.push({ slot, reusable: idle && !reserved && identity?.persistent === true && reuse(identity) });
    }
    return taken;
  }
}

/** Another program took the slot between our look and our attempt. */
export class LostRace extends Failure {
  constructor(container: string, cause: Failure) {
    super('conflict', `Another program was faster with the container ${container}: ${cause.message}`, {
      hint: 'Open another slot.',
      cause,
    });
  }
}
