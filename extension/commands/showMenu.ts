import * as vscode from 'vscode';
import type { CommandId } from '../ids.ts';
import { bySlot, ownSlots, waitingSlots } from '../model/selectors.ts';
import { isAttachable } from '../model/tags.ts';
import type { Command, CommandContext } from './command.ts';
import { slotItem } from './targets.ts';

type Item = vscode.QuickPickItem & { container?: string; command?: CommandId };

const ACTIONS: readonly (Item & { command: CommandId })[] = [
  action('add', 'Open Slot', 'incusAgents.openSlot'),
  action('settings', 'Open Slot with Options…', 'incusAgents.openSlotWith'),
  action('history', 'Resume Session…', 'incusAgents.resume'),
  action('heart', 'Check Health', 'incusAgents.healthCheck'),
  action('output', 'Show Log', 'incusAgents.showLog'),
  action('gear', 'Open Settings', 'incusAgents.openSettings'),
];

function action(icon: string, label: string, command: CommandId): Item & { command: CommandId } {
  return { label, iconPath: new vscode.ThemeIcon(icon), command };
}

export const showMenu: Command = {
  id: 'incusAgents.showMenu',
  title: 'Showing the menu failed',
  needs: 'nothing',
  async run(context) {
    const picked = await vscode.window.showQuickPick(itemsOf(context), {
      title: 'Incus Agents',
      placeHolder: 'Go to an agent, or choose an action',
      matchOnDescription: true,
    });
    if (picked?.command !== undefined) await vscode.commands.executeCommand(picked.command);
    if (picked?.container !== undefined) await context.terminals.open(picked.container, 'agent');
  },
};

function itemsOf(context: CommandContext): Item[] {
  const own = ownSlots(context.model.slots, context.model.surroundings.folders).filter(isAttachable);
  const waiting = waitingSlots(own);
  const others = own.filter(slot => !waiting.includes(slot)).sort(bySlot);
  const slots = (list: typeof own) => list.map(slot => ({ ...slotItem(context, slot), container: slot.container }));
  return [...group('Wants you', slots(waiting)), ...group('Running', slots(others)), ...group('Actions', ACTIONS)];
}

function group(label: string, items: readonly Item[]): Item[] {
  return items.length === 0 ? [] : [{ label, kind: vscode.QuickPickItemKind.Separator }, ...items];
}
