import * as vscode from 'vscode';
import type { TerminalKind } from '../../server/protocol/methods.ts';
import { failureOf } from '../model/failures.ts';
import type { Model } from '../model/model.ts';
import { ownFirst } from '../model/selectors.ts';
import { isAttachable } from '../model/tags.ts';
import { slotName } from '../views/names.ts';
import { plain } from '../views/text.ts';
import { TERMINAL_ICONS, type Terminals } from './terminals.ts';

type Item = vscode.QuickPickItem & { container?: string; terminal?: TerminalKind };

const KINDS: readonly [TerminalKind, string][] = [
  ['agent', 'agent'],
  ['shell', 'shell'],
];

/** The entry in the menu of the "+" of terminals: an agent or a shell of a running slot, or a new slot. */
export class ProfileProvider implements vscode.TerminalProfileProvider {
  private readonly model: Model;
  private readonly terminals: Terminals;
  private readonly ready: () => Promise<void>;

  constructor(model: Model, terminals: Terminals, ready: () => Promise<void>) {
    this.model = model;
    this.terminals = terminals;
    this.ready = ready;
  }

  async provideTerminalProfile(): Promise<vscode.TerminalProfile> {
    try {
      await this.ready();
      const profile = await this.choose();
      if (profile !== undefined) return profile;
    } catch (error) {
      const { message, kind } = failureOf(error);
      if (kind !== 'cancelled')
        void vscode.window.showErrorMessage(`Opening the terminal failed: ${plain(message, 400)}`);
    }
    // The editor shows "No terminal profile options provided" for an answer without a profile, and the message of an error: this one has none.
    throw new Error('');
  }

  private async choose(): Promise<vscode.TerminalProfile | undefined> {
    const picked = await vscode.window.showQuickPick(this.items(), {
      title: 'Incus Agents',
      placeHolder: 'Choose a terminal',
    });
    if (picked === undefined) return undefined;
    if (picked.container === undefined || picked.terminal === undefined) {
      void vscode.commands.executeCommand('incusAgents.openSlot');
      return undefined;
    }
    if (this.terminals.has(picked.container, picked.terminal)) {
      await this.terminals.open(picked.container, picked.terminal);
      return undefined;
    }
    return new vscode.TerminalProfile(await this.terminals.options(picked.container, picked.terminal));
  }

  private items(): Item[] {
    const { slots: all, surroundings } = this.model;
    const slots = ownFirst(all.filter(isAttachable), surroundings.folders);
    const items = slots.flatMap(slot =>
      KINDS.map(
        ([kind, words]): Item => ({
          label: slotName(this.model, slot),
          description: kind === 'agent' ? plain(slot.agent, 30) : words,
          iconPath: new vscode.ThemeIcon(TERMINAL_ICONS[kind]),
          container: slot.container,
          terminal: kind,
        }),
      ),
    );
    return [...items, { label: 'Open Slot', iconPath: new vscode.ThemeIcon('add') }];
  }
}
