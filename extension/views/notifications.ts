import * as vscode from 'vscode';
import type { Model } from '../model/model.ts';
import { slotName } from './names.ts';
import { type Announcement, shouldTell, Transitions } from './transitions.ts';

/** What notifications ask of the rest. */
export interface NotificationSources {
  mode(): 'off' | 'unfocused' | 'always';
  /** Container whose agent the terminal in front shows, if it shows one. */
  inFront(): string | undefined;
  open(container: string): Promise<void>;
}

/** Tells of transitions of this window's agents, once each. A window without a folder has none: those that have them tell. */
export class Notifications implements vscode.Disposable {
  private readonly transitions: Transitions;
  private readonly subscription: { dispose(): void };
  private readonly model: Model;
  private readonly sources: NotificationSources;

  constructor(model: Model, sources: NotificationSources) {
    this.model = model;
    this.transitions = new Transitions(slot => slotName(model, slot));
    this.sources = sources;
    this.subscription = model.onDidChange(difference => {
      const own = new Set(model.surroundings.folders.map(folder => folder.path));
      for (const container of difference.slots) this.note(container, own);
    });
  }

  private note(container: string, own: ReadonlySet<string>): void {
    const slot = this.model.slot(container);
    const announcement = this.transitions.note(container, slot);
    if (announcement === undefined || slot === undefined || !own.has(slot.workspace)) return;
    const inFront = this.sources.inFront() === container;
    if (shouldTell(this.sources.mode(), vscode.window.state.focused, inFront)) void this.tell(announcement);
  }

  private async tell(announcement: Announcement): Promise<void> {
    const show =
      announcement.severity === 'warning' ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
    const choice = await show(announcement.message, 'Open');
    if (choice === 'Open') await this.sources.open(announcement.container);
  }

  dispose(): void {
    this.subscription.dispose();
  }
}
