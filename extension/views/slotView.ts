import * as vscode from 'vscode';
import { VIEW_ID } from '../ids.ts';
import type { Model } from '../model/model.ts';
import { waitingSlots } from '../model/selectors.ts';
import type { ContextKeys } from './contextKeys.ts';
import type { Node } from './node.ts';
import { badgeOf } from './summary.ts';
import type { SlotTree } from './tree.ts';
import { viewMessage, welcomeCase } from './welcome.ts';

const MINUTE = 60_000;

/** The view around the tree: its badge, its message about stale rows, which welcome text applies, and its clock. */
export class SlotView implements vscode.Disposable {
  private readonly view: vscode.TreeView<Node>;
  private readonly subscriptions: { dispose(): void }[];
  private readonly model: Model;
  private readonly keys: ContextKeys;
  private readonly tree: SlotTree;
  private clock: NodeJS.Timeout | undefined;

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
      this.view.onDidChangeVisibility(({ visible }) => {
        if (visible) onVisible();
        this.watchClock();
      }),
      vscode.window.onDidChangeWindowState(() => this.watchClock()),
      model.onDidChange(() => this.draw()),
      model.onDidChangeSurroundings(() => this.draw()),
    ];
    this.draw();
    if (this.view.visible) onVisible();
    this.watchClock();
  }

  get visible(): boolean {
    return this.view.visible;
  }

  /** The row that is selected, which a click does before anything else. */
  get selected(): Node | undefined {
    return this.view.selection[0];
  }

  /** Shows a slot's row, without taking the focus, if the view is visible, once all that has changed is drawn. Gives whether it was. */
  async reveal(container: string): Promise<boolean> {
    if (!this.view.visible || this.model.slot(container) === undefined) return false;
    await this.view.reveal(this.tree.shape.slot(container), { select: true, focus: false });
    return true;
  }

  /** Times go on while somebody can see them, and cost nothing otherwise. */
  private watchClock(): void {
    const seen = this.view.visible && vscode.window.state.focused;
    if (seen === (this.clock !== undefined)) return;
    clearInterval(this.clock);
    this.clock = seen ? setInterval(() => this.tree.redrawTimes(Date.now()), MINUTE) : undefined;
    if (seen) this.tree.redrawTimes(Date.now());
  }

  private draw(): void {
    const badge = badgeOf(this.model);
    if (this.view.badge?.value !== badge?.value) this.view.badge = badge;
    const empty = this.tree.shape.isEmpty();
    this.view.message = viewMessage(this.model, empty) ?? '';
    this.keys.set('incusAgents.welcome', welcomeCase(this.model));
    // Other workspaces count too: the command goes there.
    this.keys.set('incusAgents.wanting', waitingSlots(this.model.slots).length > 0);
  }

  dispose(): void {
    clearInterval(this.clock);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.view.dispose();
  }
}
