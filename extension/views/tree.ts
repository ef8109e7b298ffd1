import * as vscode from 'vscode';
import { OPEN_ROW_COMMAND, ROW_SCHEME } from '../ids.ts';
import type { Model } from '../model/model.ts';
import { type Node, OTHERS_PATH, rowPath } from './node.ts';
import { isOwn, rowOf } from './row.ts';
import type { Row } from './rows.ts';
import type { Tooltips } from './tooltipSource.ts';
import { TreeShape } from './treeShape.ts';

const COLLAPSIBLE: Readonly<Record<Node['kind'], vscode.TreeItemCollapsibleState>> = {
  workspace: vscode.TreeItemCollapsibleState.Expanded,
  others: vscode.TreeItemCollapsibleState.Collapsed,
  slot: vscode.TreeItemCollapsibleState.Collapsed,
  agent: vscode.TreeItemCollapsibleState.None,
  shell: vscode.TreeItemCollapsibleState.None,
  details: vscode.TreeItemCollapsibleState.Collapsed,
  fact: vscode.TreeItemCollapsibleState.None,
  slotHistory: vscode.TreeItemCollapsibleState.Collapsed,
  workspaceHistory: vscode.TreeItemCollapsibleState.Collapsed,
  session: vscode.TreeItemCollapsibleState.None,
};

const CLICK_TITLES: Readonly<Record<NonNullable<Row['click']>, string>> = {
  agent: 'Open Agent Terminal',
  shell: 'Open Shell',
  transcript: 'Show Transcript',
};

/** Answers the editor's questions from the model, without waiting for anything but tooltips. */
export class SlotTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly shape: TreeShape;
  private readonly model: Model;
  private readonly tooltips: Tooltips;
  private readonly changed = new vscode.EventEmitter<Node | undefined>();
  private readonly subscriptions: { dispose(): void }[];
  private rootKey = '';
  /** What rows that say how long ago something was said when they were drawn. */
  private readonly drawn = new Map<Node, string | undefined>();

  readonly onDidChangeTreeData = this.changed.event;

  constructor(model: Model, tooltips: Tooltips) {
    this.model = model;
    this.tooltips = tooltips;
    this.shape = new TreeShape(model);
    this.subscriptions = [
      model.onDidChange(difference => {
        for (const row of this.shape.redraw(difference)) this.changed.fire(row);
      }),
      model.onDidChangePending(container => {
        if (model.slot(container) !== undefined) this.changed.fire(this.shape.slot(container));
      }),
      model.onDidChangeSurroundings(() => this.redrawFolders()),
    ];
  }

  getChildren(node?: Node): Node[] {
    return this.shape.children(node);
  }

  getParent(node: Node): Node | undefined {
    return this.shape.parent(node);
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const row = rowOf(this.model, node, Date.now());
    if (node.kind === 'agent' || node.kind === 'session') this.drawn.set(node, row.description);
    const item = new vscode.TreeItem(row.label, COLLAPSIBLE[node.kind]);
    item.id = node.id;
    item.contextValue = row.tags;
    item.accessibilityInformation = { label: row.spoken, role: 'treeitem' };
    if (row.description !== undefined) item.description = row.description;
    if (row.icon !== undefined) item.iconPath = themeIcon(row.icon);
    // Without arguments: the editor forgets those of a row that is drawn anew at the moment of the click, and shows an error.
    if (row.click !== undefined) item.command = { command: OPEN_ROW_COMMAND, title: CLICK_TITLES[row.click] };
    const resource = this.resourceOf(node);
    if (resource !== undefined) item.resourceUri = resource;
    return item;
  }

  async resolveTreeItem(item: vscode.TreeItem, node: Node, token: vscode.CancellationToken): Promise<vscode.TreeItem> {
    const text = await this.tooltips.of(node, token);
    if (text !== undefined) item.tooltip = new vscode.MarkdownString(text);
    return item;
  }

  /** Draws rows anew that say how long ago something was, where that is no longer what they say. */
  redrawTimes(now: number): void {
    for (const [node, description] of this.drawn) {
      if (!this.shape.knows(node)) this.drawn.delete(node);
      else if (rowOf(this.model, node, now).description !== description) this.changed.fire(node);
    }
  }

  private resourceOf(node: Node): vscode.Uri | undefined {
    if (node.kind === 'others') return rowUri(OTHERS_PATH);
    if (node.kind === 'workspace') return rowUri(rowPath(node.own, node.workspace));
    const slot = node.kind === 'slot' ? this.model.slot(node.container) : undefined;
    return slot && rowUri(rowPath(isOwn(this.model, slot.workspace), slot.workspace, slot));
  }

  private redrawFolders(): void {
    const key = JSON.stringify([this.model.surroundings.folders, this.model.loaded]);
    if (key === this.rootKey) return;
    this.rootKey = key;
    this.changed.fire(undefined);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}

function rowUri(path: string): vscode.Uri {
  return vscode.Uri.from({ scheme: ROW_SCHEME, path });
}

function themeIcon(icon: { id: string; color?: string }): vscode.ThemeIcon {
  return new vscode.ThemeIcon(icon.id, icon.color === undefined ? undefined : new vscode.ThemeColor(icon.color));
}
