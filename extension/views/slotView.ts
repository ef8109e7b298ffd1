import * as vscode from 'vscode';
import { VIEW_ID } from '../ids.ts';
import type { Model } from '../model/model.ts';
import type { ContextKeys } from './contextKeys.ts';
import type { Node } from './node.ts';
import { badgeOf } from './summary.ts';
import type { SlotTree } from './tree.ts';
import { viewMessage, welcomeCase } from './welcome.ts';

/** The view around the tree: its badge, its message about stale rows, and which welcome text applies. */
export class SlotView implements vscode.Disposable {
  private readonly view: vscode.TreeView<Node>;
  private readonly subscriptions: { dispose(): void }[];
  private readonly model: Model;
  private readonly keys: ContextKeys;
  private readonly tree: SlotTree;

  constructor(model: Model, tree: SlotTree, keys: ContextKeys, onVisible: () => void) {
    this.model = model;
    this.keys = keys;
    this.tree = tree;
    this.view = vscode.window.createTreeView(VIEW_ID, {
      treeDataProvider: tree,
      canSelectMany: true,
      showCollapseAll: true,
    });
    this.subscriptions = [
      this.view.onDidChangeVisibility(({ visible }) => visible && onVisible()),
      model.onDidChange(() => this.draw()),
      model.onDidChangeSurroundings(() => this.draw()),
    ];
    this.draw();
    if (this.view.visible) onVisible();
  }

  get visible(): boolean {
    return this.view.visible;
  }

  /** Shows a slot's row, without taking the focus, if the view is visible. */
  async reveal(container: string): Promise<void> {
    if (!this.view.visible || this.model.slot(container) === undefined) return;
    await this.view.reveal(this.tree.shape.slot(container), { select: true, focus: false });
  }

  private draw(): void {
    const badge = badgeOf(this.model);
    if (this.view.badge?.value !== badge?.value) this.view.badge = badge;
    const empty = this.tree.shape.isEmpty();
    this.view.message = viewMessage(this.model, empty) ?? '';
    this.keys.set('incusAgents.welcome', welcomeCase(this.model));
    this.keys.set('incusAgents.wanting', badge !== undefined);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.view.dispose();
  }
}
