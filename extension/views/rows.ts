import type { Session, Slot } from '../../server/protocol/types.ts';
import { agentIsGone, lastActivity, wantsYou } from '../model/selectors.ts';
import { slotTags, tagSet } from '../model/tags.ts';
import { agentIcon, agentWords, conditionWords, type Icon, slotIcon } from './appearance.ts';
import { ago, plain, plural } from './text.ts';

/** Everything a row shows, without the editor's types. */
export interface Row {
  readonly label: string;
  readonly description?: string;
  readonly icon?: Icon;
  readonly tags: string;
  /** What a screen reader says: name, kind, state, and whether it wants the user. */
  readonly spoken: string;
  /** Whether a click does something harmless; stopped rows are only selected. */
  readonly click?: 'agent' | 'shell' | 'transcript';
}

/** The row of a workspace folder, by the name that tells it from others. */
export function workspaceRow(path: string, label: string, own: boolean, slots: number): Row {
  return {
    label,
    description: own ? '' : plain(path, 120),
    // Not "folder": in place of that, the editor draws what the user's file icons have for a folder, which may be nothing.
    icon: { id: 'root-folder' },
    tags: tagSet('workspace', own ? 'own' : 'other', slots > 0 && 'slots'),
    spoken: `Workspace ${label}, ${plural(slots, 'slot')}`,
  };
}

/** The group of other windows' and closed workspaces. */
export function othersRow(): Row {
  return { label: 'Other workspaces', icon: { id: 'files' }, tags: tagSet('others'), spoken: 'Other workspaces' };
}

/** The row of a slot. */
export function slotRow(slot: Slot, own: boolean, pending: string | undefined, title: string | undefined): Row {
  const condition = conditionWords(slot, pending);
  const agent = plain(slot.agent, 30);
  const weak = slot.protection === 'lost' || slot.protection === 'weak' ? `protection ${slot.protection}` : undefined;
  const parts = [agent, condition, weak, title === undefined ? undefined : plain(title, 60)];
  const urgent = wantsYou(slot) ? ', wants you' : '';
  return {
    label: `Slot ${slot.slot}`,
    description: parts.filter(part => part !== undefined && part !== '').join(' · '),
    icon: slotIcon(slot, pending),
    tags: slotTags(slot, own),
    spoken: `Slot ${slot.slot}, ${agent}, ${condition}${slot.persistent ? ', persistent' : ''}${urgent}`,
    ...(slot.status === 'running' && pending === undefined ? { click: 'agent' as const } : {}),
  };
}

/** The row of the agent in a slot. */
export function agentRow(slot: Slot, now: number): Row {
  const running = slot.status === 'running';
  const paused = slot.status === 'paused';
  const words = running ? agentWords(slot.agentState.state) : paused ? 'paused' : 'not running';
  const since = running ? ago(slot.agentState.since, now) : undefined;
  const agent = plain(slot.agent, 30) || 'agent';
  return {
    label: agent,
    description: [words, since].filter(part => part !== undefined).join(' · '),
    icon: running ? agentIcon(slot.agentState.state) : paused ? slotIcon(slot, undefined) : { id: 'circle-outline' },
    tags: tagSet('agent', slot.status, agentIsGone(slot) ? 'gone' : 'present'),
    spoken: `Agent ${agent}, ${words}`,
    ...(running ? { click: 'agent' as const } : {}),
  };
}

/** The row that opens a shell in a slot. */
export function shellRow(slot: Slot): Row {
  const running = slot.status === 'running';
  return {
    label: 'Shell',
    icon: { id: 'terminal', ...(running ? {} : { color: 'disabledForeground' }) },
    tags: tagSet('shell', slot.status),
    spoken: `Shell in slot ${slot.slot}`,
    ...(running ? { click: 'shell' as const } : {}),
  };
}

/** The group of a container's facts. */
export function detailsRow(slot: Slot): Row {
  return {
    label: 'Container',
    description: plain(slot.container),
    icon: { id: 'vm' },
    tags: tagSet('details'),
    spoken: `Container ${plain(slot.container)}`,
  };
}

/** A group of saved sessions. */
export function historyRow(count: number): Row {
  return {
    label: 'History',
    description: plural(count, 'session'),
    icon: { id: 'history' },
    tags: tagSet('history'),
    spoken: `History, ${plural(count, 'saved session')}`,
  };
}

/** The row of a session. */
export function sessionRow(session: Session, is: { own: boolean; resumable: boolean }, now: number): Row {
  const agent = plain(session.agent, 30);
  const title = plain(session.title ?? '', 60);
  const label = title || `${agent} session`;
  const when = session.live ? 'live' : ago(lastActivity(session), now);
  return {
    label,
    description: title === '' ? when : `${agent} · ${when}`,
    icon: { id: session.live ? 'comment-discussion' : 'comment' },
    tags: tagSet('session', session.live ? 'live' : 'saved', is.resumable && 'resumable', is.own ? 'own' : 'other'),
    spoken: `Session ${label}, ${agent}, ${when}`,
    click: 'transcript',
  };
}
