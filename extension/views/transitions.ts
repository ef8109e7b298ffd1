import type { AgentStateName, Slot } from '../../server/protocol/types.ts';
import { baseName, plain } from './text.ts';

/** Something that the user may want to be told. */
export interface Announcement {
  readonly container: string;
  readonly message: string;
  readonly severity: 'information' | 'warning';
}

/** Tells transitions from one another, so that each is announced once. */
export class Transitions {
  private readonly last = new Map<string, string>();

  /** Notes a slot's state; returns what to say if this is a transition to waiting, idle or failed. First sight is silent. */
  note(container: string, slot: Slot | undefined): Announcement | undefined {
    const before = this.last.get(container);
    if (slot === undefined) {
      this.last.delete(container);
      return undefined;
    }
    const now = conditionOf(slot);
    this.last.set(container, now);
    if (before === undefined || before === now) return undefined;
    return announcementOf(slot, now as AgentStateName, before);
  }
}

/** Whether to show an announcement, by the setting, the window's focus, and the terminal in front. */
export function shouldTell(mode: 'off' | 'unfocused' | 'always', focused: boolean, inFront: boolean): boolean {
  if (mode === 'off') return false;
  if (inFront && focused) return false;
  return mode === 'always' || !focused;
}

function conditionOf(slot: Slot): string {
  if (slot.status === 'failed') return 'failed';
  return slot.status === 'running' ? slot.agentState.state : slot.status;
}

function announcementOf(slot: Slot, now: string, before: string): Announcement | undefined {
  const who = `${plain(slot.agent, 30)} in ${plain(baseName(slot.workspace), 40)} slot ${slot.slot}`;
  const say = (words: string, severity: Announcement['severity']): Announcement => ({
    container: slot.container,
    message: `${who} ${words}`,
    severity,
  });
  if (now === 'waiting') return say('is waiting for you', 'warning');
  if (now === 'idle' && before === 'working') return say('has finished its turn', 'information');
  if (now !== 'failed') return undefined;
  return say(`failed${slot.problem ? `: ${plain(slot.problem.message, 120)}` : ''}`, 'warning');
}
