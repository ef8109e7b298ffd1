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

/** Whether an agent is at work; one that asks is too: it goes on as soon as it has its answer. */
export function isInTurn({ status, agentState }: Slot): boolean {
  return status === 'running' && (agentState.state === 'working' || agentState.state === 'waiting');
}

/** What is said of an act that keeps the container, in the middle of an agent's work. */
export function interrupts(doing: string): string {
  return `The agent is in the middle of its work, which ${doing} interrupts. The container and the conversation stay.`;
}

/** What closing slots loses and keeps; `undefined` where nothing is asked. `confirm`: ask before an ephemeral container is deleted. */
export function closingConsequence(slots: readonly Slot[], confirm: boolean): string | undefined {
  const [first] = slots;
  if (slots.length === 1 && first?.persistent) return isInTurn(first) ? interrupts('closing') : undefined;
  if (slots.length === 1 && !confirm) return undefined;
  if (slots.every(slot => !slot.persistent)) return `${containersAre(slots)} deleted. ${whatStays(slots)}`;
  return `Ephemeral containers are deleted, persistent ones are kept. ${whatStays(slots)}`;
}
