import type { AgentStateName, Slot, SlotStatus } from '../../server/protocol/types.ts';
import { plain } from './text.ts';

/** An icon of the editor's own set and a theme colour for it. */
export interface Icon {
  readonly id: string;
  readonly color?: string;
}

const AGENT_ICONS: Readonly<Record<AgentStateName, Icon>> = {
  starting: { id: 'loading~spin' },
  working: { id: 'sync~spin', color: 'charts.blue' },
  waiting: { id: 'bell-dot', color: 'problemsWarningIcon.foreground' },
  idle: { id: 'check', color: 'charts.green' },
  exited: { id: 'circle-outline' },
  failed: { id: 'error', color: 'problemsErrorIcon.foreground' },
  unknown: { id: 'circle-filled', color: 'charts.green' },
};

const STATUS_ICONS: Readonly<Record<Exclude<SlotStatus, 'running'>, Icon>> = {
  creating: { id: 'loading~spin' },
  starting: { id: 'loading~spin' },
  stopping: { id: 'loading~spin' },
  paused: { id: 'debug-pause', color: 'charts.yellow' },
  stopped: { id: 'debug-stop', color: 'disabledForeground' },
  failed: { id: 'error', color: 'problemsErrorIcon.foreground' },
};

const AGENT_WORDS: Readonly<Record<AgentStateName, string>> = {
  starting: 'starting',
  working: 'working',
  waiting: 'waiting for you',
  idle: 'idle',
  exited: 'exited',
  failed: 'failed',
  unknown: 'running',
};

const TERMINAL_COLORS = ['Green', 'Blue', 'Magenta', 'Cyan', 'Yellow', 'Red'] as const;

/** The icon of an agent's state. */
export function agentIcon(state: AgentStateName): Icon {
  return AGENT_ICONS[state];
}

/** The icon of a slot's row: what its container does, and while it runs, what its agent does; a spinner while pending. */
export function slotIcon(slot: Slot, pending: string | undefined): Icon {
  if (pending !== undefined) return { id: 'loading~spin' };
  return slot.status === 'running' ? agentIcon(slot.agentState.state) : STATUS_ICONS[slot.status];
}

/** An agent's state in words for the user. */
export function agentWords(state: AgentStateName): string {
  return AGENT_WORDS[state];
}

/** A slot's condition in words: the pending act, the container's status, or what its agent does. */
export function conditionWords(slot: Slot, pending: string | undefined): string {
  if (pending !== undefined) return `${pending}…`;
  const reason = slot.problem?.message ?? slot.agentState.why;
  const failed = reason === undefined ? 'failed' : `failed: ${plain(reason, 60)}`;
  if (slot.status !== 'running') return slot.status === 'failed' ? failed : slot.status;
  return slot.agentState.state === 'failed' ? failed : agentWords(slot.agentState.state);
}

/** A terminal colour of the theme for a slot, the same for all its terminals. */
export function terminalColor(slot: number): string {
  const name = TERMINAL_COLORS[(slot - 1) % TERMINAL_COLORS.length] ?? 'Green';
  return `terminal.ansi${name}`;
}
