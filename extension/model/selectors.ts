import type { ImageInfo, IncusState, Session, Slot } from '../../server/protocol/types.ts';
import type { Folder } from './model.ts';

const DAY = 86_400_000;

/** How many slots are in which condition; `wanting` are those that want the user. */
export interface Counts {
  readonly working: number;
  readonly waiting: number;
  readonly idle: number;
  readonly failed: number;
  readonly running: number;
  readonly total: number;
  readonly wanting: number;
}

/** What is known of Incus and of this window. */
export interface Known {
  readonly incus: IncusState;
  readonly slots: readonly Slot[];
  readonly surroundings: { readonly folders: readonly Folder[] };
}

/** Orders slots by number, so that rows never move when a state changes. */
export function bySlot(left: Slot, right: Slot): number {
  return left.slot - right.slot || left.container.localeCompare(right.container);
}

/** Slots of one workspace, in order. */
export function slotsOf(slots: readonly Slot[], workspace: string): Slot[] {
  return slots.filter(slot => slot.workspace === workspace).sort(bySlot);
}

/** Slots of this window's folders; of all workspaces when no folder is open. */
export function ownSlots(slots: readonly Slot[], folders: readonly Folder[]): Slot[] {
  if (folders.length === 0) return [...slots];
  const paths = new Set(folders.map(folder => folder.path));
  return slots.filter(slot => paths.has(slot.workspace));
}

/** Whether this window's folders have slots; undefined while Incus is away: a backend that never saw it knows of none. */
export function hasOwnSlots({ incus, slots, surroundings }: Known): boolean | undefined {
  if (incus.status !== 'ready') return undefined;
  return surroundings.folders.length > 0 && ownSlots(slots, surroundings.folders).length > 0;
}

/** Slots by workspace and number, those of this window's folders first. */
export function ownFirst(slots: readonly Slot[], folders: readonly Folder[]): Slot[] {
  const sorted = slots.toSorted((left, right) => left.workspace.localeCompare(right.workspace) || bySlot(left, right));
  const own = new Set(ownSlots(sorted, folders));
  return [...own, ...sorted.filter(slot => !own.has(slot))];
}

/** Paths of workspaces that have slots and are not open in this window, in order. */
export function otherWorkspaces(slots: readonly Slot[], folders: readonly Folder[]): string[] {
  const open = new Set(folders.map(folder => folder.path));
  const paths = new Set(slots.map(slot => slot.workspace).filter(path => !open.has(path)));
  return [...paths].sort((left, right) => left.localeCompare(right));
}

/** Whether a slot wants the user: its agent asks, or something went wrong. */
export function wantsYou(slot: Slot): boolean {
  if (slot.status === 'failed' || slot.problem !== undefined) return true;
  if (slot.protection === 'lost') return true;
  return agentWaits(slot) || (slot.status === 'running' && slot.agentState.state === 'failed');
}

/** Whether a container runs without its agent, which can then be started again. */
export function agentIsGone(slot: Slot): boolean {
  return slot.status === 'running' && (slot.agentState.state === 'exited' || slot.agentState.state === 'failed');
}

/** Whether a slot is on its way up, and so its session about to be live. */
export function isOpening(slot: Slot): boolean {
  return slot.status === 'creating' || slot.status === 'starting';
}

/** Whether something is wrong with a slot, apart from an agent that only asks. */
export function hasTrouble(slot: Slot): boolean {
  return wantsYou(slot) && !(agentWaits(slot) && slot.problem === undefined && slot.protection !== 'lost');
}

/** Slots that can be brought back with their session: stopped, or running without their agent. */
export function bringableSlots(slots: readonly Slot[]): Slot[] {
  return slots.filter(slot => slot.session !== undefined && (slot.status === 'stopped' || agentIsGone(slot)));
}

/**
 * Which of these ran until something ended them all: those that were up when the machine went down or, where none was, those that ended
 * within a day before the last one. What was stopped on purpose long ago is not among them.
 */
export function lastAtWork(slots: readonly Slot[], endOf: (slot: Slot) => string): Slot[] {
  const interrupted = slots.filter(slot => slot.interrupted === true);
  if (interrupted.length > 0) return [...interrupted, ...slots.filter(agentIsGone)];
  const ends = new Map(slots.map(slot => [slot, Date.parse(endOf(slot))]));
  const last = Math.max(...ends.values());
  return slots.filter(slot => last - (ends.get(slot) ?? 0) <= DAY);
}

/** Counts slots by what their agents do. */
export function countsOf(slots: readonly Slot[]): Counts {
  const agents = slots.filter(slot => slot.status === 'running');
  const having = (state: Slot['agentState']['state']) => agents.filter(slot => slot.agentState.state === state).length;
  return {
    working: having('working'),
    waiting: having('waiting'),
    idle: having('idle'),
    failed: slots.filter(hasTrouble).length,
    running: agents.length,
    total: slots.length,
    wanting: slots.filter(wantsYou).length,
  };
}

/** Slots that run and want the user: those whose agents wait, longest first, then those in trouble. */
export function waitingSlots(slots: readonly Slot[]): Slot[] {
  const longest = (left: Slot, right: Slot) => left.agentState.since.localeCompare(right.agentState.since);
  const wanting = slots.filter(slot => slot.status === 'running' && wantsYou(slot)).sort(longest);
  return [...wanting.filter(agentWaits), ...wanting.filter(slot => !agentWaits(slot))];
}

function agentWaits(slot: Slot): boolean {
  return slot.status === 'running' && slot.agentState.state === 'waiting';
}

/** The slot after the given one among those that run and want the user, going round: who waits comes first, of those this window's. */
export function nextWaiting(
  own: readonly Slot[],
  others: readonly Slot[],
  current: string | undefined,
): Slot | undefined {
  const all = [...waitingSlots(own), ...waitingSlots(others)];
  const queue = [...all.filter(agentWaits), ...all.filter(slot => !agentWaits(slot))];
  const at = queue.findIndex(slot => slot.container === current);
  return queue[(at + 1) % Math.max(queue.length, 1)];
}

/** What sessions are looked up in. */
export interface Sessions {
  readonly sessions: readonly Session[];
  readonly slots: readonly Slot[];
  slot(container: string): Slot | undefined;
}

/** Sessions of a workspace that can be resumed, newest first. */
export function savedSessions(model: Sessions, workspace: string): Session[] {
  const opening = new Set(model.slots.filter(isOpening).map(slot => slot.session));
  return model.sessions
    .filter(({ workspace: of, id }) => of === workspace && !opening.has(id))
    .filter(session => isResumable(model, session) && isConversation(session))
    .sort(newestFirst);
}

/** Sessions of a workspace that have a conversation, those whose agents are at work too, newest first. */
export function conversationsOf(model: Pick<Sessions, 'sessions'>, workspace: string): Session[] {
  return model.sessions.filter(session => session.workspace === workspace && isConversation(session)).sort(newestFirst);
}

/** Whether no agent works in a session: it is saved, or live in a container whose agent is gone. */
export function isResumable(model: Pick<Sessions, 'slot'>, session: Session): boolean {
  if (!session.live) return true;
  const holder = session.container === undefined ? undefined : model.slot(session.container);
  return holder !== undefined && agentIsGone(holder);
}

/** Whether a session has something to read and to resume; a plain shell's has not. */
export function isConversation(session: Session): boolean {
  return session.agent !== 'shell';
}

/** Saved sessions that ran in a slot, newest first, without the one that the slot holds now. */
export function historyOf(model: Sessions, slot: Slot): Session[] {
  return savedSessions(model, slot.workspace).filter(
    session => session.slot === slot.slot && session.id !== slot.session,
  );
}

/** What a session was last changed at. */
export function lastActivity(session: Session): string {
  return session.lastActivityAt ?? session.savedAt ?? session.startedAt;
}

/** The images that the backend deletes: those that were built here or by coi. */
export function deletableImages(images: readonly ImageInfo[]): (ImageInfo & { alias: string })[] {
  return images.flatMap(image =>
    image.ours === true && image.alias !== undefined ? [{ ...image, alias: image.alias }] : [],
  );
}

function newestFirst(left: Session, right: Session): number {
  return lastActivity(right).localeCompare(lastActivity(left)) || left.id.localeCompare(right.id);
}
