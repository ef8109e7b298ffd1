import type { Slot, SlotStatus } from '../../server/protocol/types.ts';
import { agentIsGone } from './selectors.ts';

/** What can be done to a container's life, one method of the backend each. */
export type Verb = 'start' | 'stop' | 'close' | 'delete' | 'kill' | 'pause' | 'unpause' | 'persist';

const ALIVE: readonly SlotStatus[] = ['running', 'paused', 'starting'];

/** The states in which a verb makes sense; the menus of the manifest say the same (a test compares them). */
export const ELIGIBLE: Readonly<Record<Verb, readonly SlotStatus[]>> = {
  start: ['stopped', 'failed'],
  stop: ALIVE,
  close: ['running', 'paused', 'starting', 'stopped', 'failed'],
  delete: ['running', 'paused', 'starting', 'stopped', 'failed'],
  kill: ['creating', 'starting', 'running', 'paused', 'stopping', 'stopped', 'failed'],
  pause: ['running'],
  unpause: ['paused'],
  persist: ['running', 'paused', 'stopped'],
};

/** Whether a verb makes sense for a slot as it is. */
export function isEligible(verb: Verb, slot: Slot): boolean {
  if (verb === 'persist' && slot.persistent) return false;
  // Closing stops it and keeps it, which it is already.
  if (verb === 'close' && slot.persistent && slot.status === 'stopped') return false;
  return ELIGIBLE[verb].includes(slot.status);
}

/** Whether a terminal can be opened in a slot. */
export function isAttachable(slot: Slot): boolean {
  return slot.status === 'running';
}

/** Whether an agent is there to be told something. */
export function hasAgent(slot: Slot): boolean {
  return isAttachable(slot) && !agentIsGone(slot);
}

/** A `contextValue`: tags with a space on each side, so that menus match whole ones. */
export function tagSet(...tags: (string | false | undefined)[]): string {
  return ` ${tags.filter(tag => typeof tag === 'string').join(' ')} `;
}

/** The tags of a slot's row. */
export function slotTags(slot: Slot, own: boolean): string {
  const agent = agentIsGone(slot) ? 'gone' : 'present';
  return tagSet('slot', slot.status, agent, slot.persistent ? 'persistent' : 'ephemeral', own ? 'own' : 'other');
}
