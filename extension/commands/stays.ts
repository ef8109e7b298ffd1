import type { Slot } from '../../server/protocol/types.ts';

/** What outlives these slots' containers, as a sentence. A plain shell has no conversation. */
export function whatStays(slots: readonly Slot[]): string {
  if (slots.every(slot => slot.agent === 'shell')) return 'The workspace stays.';
  return slots.length === 1 ? 'The workspace and the conversation stay.' : 'The workspace and the conversations stay.';
}

/** "The container is" or "The containers are". */
export function containersAre(slots: readonly Slot[]): string {
  return slots.length === 1 ? 'The container is' : 'The containers are';
}
