import { Failure } from '../base/errors.ts';

/** A slot of one workspace that is taken, and whether it can be used again. */
export interface TakenSlot {
  slot: number;
  /** Stopped and persistent, with nothing under way: an open may start it again. */
  reusable: boolean;
}

export type Candidate = { slot: number; reuse: boolean };

/**
 * The numbers that an open may try, best first: reusable slots, then free ones. Only the number asked for when there is one.
 * Fails with `invalid` for a number out of range and with `conflict` when nothing is left.
 */
export function candidates(taken: readonly TakenSlot[], maxSlots: number, asked?: number): Candidate[] {
  if (asked !== undefined) return [askedFor(taken, maxSlots, asked)];
  const bySlot = new Map(taken.map(t => [t.slot, t]));
  const numbers = Array.from({ length: maxSlots }, (_, index) => index + 1);
  const reuse = numbers.filter(n => bySlot.get(n)?.reusable === true).map(slot => ({ slot, reuse: true }));
  const free = numbers.filter(n => !bySlot.has(n)).map(slot => ({ slot, reuse: false }));
  if (reuse.length + free.length === 0) {
    throw new Failure('conflict', `All ${maxSlots} slots of this workspace are in use.`, {
      hint: 'Close a slot, or raise the setting "Max Slots".',
    });
  }
  return [...reuse, ...free];
}

function askedFor(taken: readonly TakenSlot[], maxSlots: number, asked: number): Candidate {
  if (!Number.isInteger(asked) || asked < 1 || asked > maxSlots) {
    throw new Failure('invalid', `Slot ${asked} is out of range: slots are numbered 1 to ${maxSlots}.`, {
      hint: 'Leave the number out to take the next free slot, or raise the setting "Max Slots".',
    });
  }
  const holder = taken.find(t => t.slot === asked);
  if (holder === undefined) return { slot: asked, reuse: false };
  if (holder.reusable) return { slot: asked, reuse: true };
  throw new Failure('conflict', `Slot ${asked} of this workspace is in use.`, {
    hint: 'Attach to it, close it, or open another slot. One that is kept stays what it is: its image cannot be chosen.',
  });
}
