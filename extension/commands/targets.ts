import * as vscode from 'vscode';
import type { Session, Slot } from '../../server/protocol/types.ts';
import { ExtensionFailure, type Instead, NothingToDo } from '../model/failures.ts';
import type { Folder } from '../model/model.ts';
import { conversationsOf, lastActivity, ownFirst, savedSessions } from '../model/selectors.ts';
import { hasAgent, isAttachable } from '../model/tags.ts';
import { conditionWords, slotIcon } from '../views/appearance.ts';
import { slotName, workspaceName } from '../views/names.ts';
import { containerOf, type Node } from '../views/node.ts';
import { ago, plain } from '../views/text.ts';
import type { CommandContext } from './command.ts';

/** Thrown when the user leaves a question unanswered; never shown. */
export function cancelled(): ExtensionFailure {
  return new ExtensionFailure('cancelled', 'Cancelled');
}

const OPEN_SLOT: Instead = { title: 'Open Slot', command: 'incusAgents.openSlot' };

/** Which slots an act is for, and what is said when there is none. */
export interface Wanted {
  fits(slot: Slot): boolean;
  readonly none: string;
  readonly instead?: Instead;
}

export const ANY_SLOT: Wanted = { fits: () => true, none: 'There is no slot yet.', instead: OPEN_SLOT };
export const RUNNING_SLOT: Wanted = { fits: isAttachable, none: 'No slot is running.', instead: OPEN_SLOT };
export const SLOT_WITH_AGENT: Wanted = { fits: hasAgent, none: 'No agent is running.', instead: OPEN_SLOT };

/** The slots that the rows stand for, without repeats. */
export function slotsOfRows(context: CommandContext, node: Node | undefined, nodes: readonly Node[]): Slot[] {
  const rows = nodes.length > 0 ? nodes : node === undefined ? [] : [node];
  const containers = new Set(rows.map(containerOf).filter(container => container !== undefined));
  return [...containers].map(container => context.model.slot(container)).filter(slot => slot !== undefined);
}

/** The slot of a row, or one that the user picks among those that fit. */
export async function oneSlot(
  context: CommandContext,
  node: Node | undefined,
  title: string,
  wanted: Wanted,
): Promise<Slot> {
  const [slot] = slotsOfRows(context, node, []);
  if (slot === undefined) return pickSlot(context, title, wanted);
  if (!wanted.fits(slot))
    throw new NothingToDo(
      `${nameOf(context, slot)} is ${conditionWords(slot, undefined)}, so this cannot be done now.`,
    );
  return slot;
}

/** Asks for a slot among those that fit. */
export async function pickSlot(context: CommandContext, title: string, wanted: Wanted): Promise<Slot> {
  const { slots: all, surroundings } = context.model;
  const slots = ownFirst(all.filter(wanted.fits), surroundings.folders);
  if (slots.length === 0) throw new NothingToDo(wanted.none, wanted.instead);
  const items = slots.map(slot => slotItem(context, slot));
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: 'Choose a slot',
    matchOnDescription: true,
  });
  if (picked === undefined) throw cancelled();
  return picked.slot;
}

/** A slot as an item of a quick pick. */
export function slotItem(context: CommandContext, slot: Slot): vscode.QuickPickItem & { slot: Slot } {
  const title = slot.session === undefined ? undefined : context.model.session(slot.session)?.title;
  const pending = context.model.pending(slot.container);
  return {
    slot,
    label: nameOf(context, slot),
    iconPath: new vscode.ThemeIcon(slotIcon(slot, pending).id),
    description: `${plain(slot.agent, 30)} · ${conditionWords(slot, pending)}`,
    ...(title === undefined ? {} : { detail: plain(title) }),
  };
}

/** A slot's name in sentences: folder and number. */
export function nameOf({ model }: Pick<CommandContext, 'model'>, slot: Slot): string {
  return slotName(model, slot);
}

/** A session's title, or which agent's it is. */
export function titleOf(session: Session): string {
  return plain(session.title ?? '', 60) || `${plain(session.agent, 30)} session`;
}

/** The workspace of a row, the only open folder, or the one that the user picks. */
export async function oneWorkspace(context: CommandContext, node: Node | undefined, title: string): Promise<string> {
  const ofRow = workspaceOfRow(context, node);
  if (ofRow !== undefined) return ofRow;
  const { folders } = context.model.surroundings;
  const [only] = folders;
  if (only === undefined)
    throw new NothingToDo('No folder is open for agents to work on.', {
      title: 'Open Folder',
      command: 'vscode.openFolder',
    });
  return folders.length === 1 ? only.path : pickFolder(folders, title);
}

/** The workspace that a row belongs to. */
export function workspaceOfRow(context: CommandContext, node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('workspace' in node) return node.workspace;
  if (node.kind === 'session') return context.model.session(node.session)?.workspace;
  const container = containerOf(node);
  return container === undefined ? undefined : context.model.slot(container)?.workspace;
}

async function pickFolder(folders: readonly Folder[], title: string): Promise<string> {
  const items = folders.map(({ name, path }) => ({ label: plain(name), description: plain(path, 120), path }));
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder: 'Choose a folder' });
  if (picked === undefined) throw cancelled();
  return picked.path;
}

/** Among which sessions of a workspace one is chosen: those to resume or to delete, or also those whose agents are at work. */
export type Choice = 'saved' | 'all';

/** The session of a row, or one of an open folder's that the user picks. */
export async function oneSession(
  context: CommandContext,
  node: Node | undefined,
  title: string,
  choice: Choice = 'saved',
): Promise<Session> {
  if (node?.kind === 'session') {
    const session = context.model.session(node.session);
    if (session !== undefined) return session;
  }
  const workspace = await oneWorkspace(context, node, title);
  return pickSession(sessionsOf(context, workspace, choice), title);
}

/** The sessions of a workspace with something to read, newest first; says so when there is none. */
export function sessionsOf({ model }: CommandContext, workspace: string, choice: Choice): Session[] {
  const saved = choice === 'saved';
  const sessions = saved ? savedSessions(model, workspace) : conversationsOf(model, workspace);
  const none = saved ? 'no saved session' : 'no session';
  if (sessions.length === 0) throw new NothingToDo(`${workspaceName(model, workspace)} has ${none}.`);
  return sessions;
}

async function pickSession(sessions: readonly Session[], title: string): Promise<Session> {
  const items = sessions.map(session => ({
    session,
    label: titleOf(session),
    description: `${plain(session.agent, 30)} · ${ago(lastActivity(session), Date.now())}`,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: 'Choose a session',
    matchOnDescription: true,
  });
  if (picked === undefined) throw cancelled();
  return picked.session;
}
