import * as vscode from 'vscode';
import type { Model } from '../model/model.ts';
import { summaryOf } from './summary.ts';

const BACKGROUNDS = {
  none: undefined,
  warning: 'statusBarItem.warningBackground',
  error: 'statusBarItem.errorBackground',
} as const;

/** The item in the status bar: how many work and how many wait, and a menu on click. */
export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly subscriptions: { dispose(): void }[];
  private readonly model: Model;

  constructor(model: Model) {
    this.model = model;
    this.item = vscode.window.createStatusBarItem('incusAgents.status', vscode.StatusBarAlignment.Left, 10);
    this.item.name = 'Incus Agents';
    this.item.command = 'incusAgents.showMenu';
    this.subscriptions = [model.onDidChange(() => this.draw()), model.onDidChangeSurroundings(() => this.draw())];
    this.draw();
    this.item.show();
  }

  private draw(): void {
    const summary = summaryOf(this.model);
    const background = BACKGROUNDS[summary.severity];
    this.item.text = summary.text;
    this.item.tooltip = summary.tooltip;
    this.item.accessibilityInformation = { label: summary.spoken };
    this.item.backgroundColor = background === undefined ? undefined : new vscode.ThemeColor(background);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.item.dispose();
  }
}
