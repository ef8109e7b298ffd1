import type { Slot } from '../../server/protocol/types.ts';
import { plain } from './text.ts';

/** Something that the user may want to be told. */
export interface Announcement {
  readonly container: string;
  readonly message: string;
  readonly severity: 'information' | 'warning';
}

/** How far the times of one signal may lie apart that a backend hears and the next one reads (milliseconds). */
const SAME_WITHIN = 5000;

/** What was last known for sure of a slot. */
interface Known {
  readonly condition: string;
  readonly since: string;
  /** Nothing was known of it for a while: a backend began anew, or the slot was paused. */
  readonly interrupted: boolean;
}

/** Tells transitions from one another, so that each is announced once. */
export class Transitions {
  private readonly last = new Map<string, Known>();
  private readonly nameOf: (slot: Slot) => string;

  constructor(nameOf: (slot: Slot) => string) {
    this.nameOf = nameOf;
  }

  /** Notes a slot's state; returns what to say if this is a transition to waiting, idle or failed. First sight is silent. */
  note(container: string, slot: Slot | undefined): Announcement | undefined {
    const before = this.last.get(container);
    if (slot === undefined) {
      this.last.delete(container);
      return undefined;
    }
    const condition = conditionOf(slot);
    if (condition === undefined) {
      if (before !== undefined) this.last.set(container, { ...before, interrupted: true });
      return undefined;
    }
    const now = { condition, since: slot.agentState.since, interrupted: false };
    this.last.set(container, now);
    return before !== undefined && isNews(before, now)
      ? announcementOf(slot, this.nameOf(slot), condition, before.condition)
      : undefined;
  }
}

/** The same condition is news only if it began anew while nothing was known. */
function isNews(before: Known, now: Known): boolean {
  if (before.condition !== now.condition) return true;
  return before.interrupted && Date.parse(now.since) - Date.parse(before.since) > SAME_WITHIN;
}

/** Whether to show an announcement, by the setting, the window's focus, and the terminal in front. */
export function shouldTell(mode: 'off' | 'unfocused' | 'always', focused: boolean, inFront: boolean): boolean {
  if (mode === 'off') return false;
  if (inFront && focused) return false;
  return mode === 'always' || !focused;
}

/** `undefined` for what says nothing of the agent, and so ends no condition. */
function conditionOf(slot: Slot): string | undefined {
  if (slot.status === 'failed') return 'failed';
  if (slot.status === 'paused') return undefined;
  if (slot.status !== 'running') return slot.status;
  return slot.agentState.state === 'unknown' ? undefined : slot.agentState.state;
}

function announcementOf(slot: Slot, name: string, now: string, before: string): Announcement | undefined {
  const who = `${plain(slot.agent, 30)} in ${name}`;
  const say = (words: string, severity: Announcement['severity']): Announcement => ({
    container: slot.container,
    message: `${who} ${words}`,
    severity,
  });
  if (now === 'waiting') return say('is waiting for you', 'warning');
  if (now === 'idle' && before === 'working') return say('has finished its turn', 'information');
  if (now !== 'failed') return undefined;
  const reason = slot.problem?.message ?? slot.agentState.why;
  return say(`failed${reason === undefined ? '' : `: ${plain(reason, 120)}`}`, 'warning');
}
