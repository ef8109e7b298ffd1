import * as vscode from 'vscode';
import type { Slot } from '../../server/protocol/types.ts';
import { ROW_SCHEME } from '../ids.ts';
import type { Model } from '../model/model.ts';
import { hasTrouble, wantsYou } from '../model/selectors.ts';
import { rowPath } from './node.ts';
import { isOwn } from './row.ts';

/** Marks rows that want the user, on the right of the row, rolled up to the workspace and the group by the editor. */
export class Decorations implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri[]>();
  private readonly subscriptions: { dispose(): void }[];
  private readonly model: Model;
  /** Where the mark of each slot was told last: the editor keeps it there, also when the slot is gone or elsewhere. */
  private paths = new Map<string, string>();

  readonly onDidChangeFileDecorations = this.changed.event;

  constructor(model: Model) {
    this.model = model;
    this.subscriptions = [
      model.onDidChange(difference => this.tell(difference.slots)),
      model.onDidChangeSurroundings(() => this.tell(new Set())),
    ];
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    if (uri.scheme !== ROW_SCHEME) return undefined;
    const slot = this.model.slot(uri.path.split('/').at(-1) ?? '');
    if (slot === undefined || uri.path !== this.pathOf(slot) || !wantsYou(slot)) return undefined;
    const trouble = hasTrouble(slot);
    return {
      badge: trouble ? '!' : '?',
      color: new vscode.ThemeColor(trouble ? 'list.errorForeground' : 'list.warningForeground'),
      tooltip: trouble ? 'Something went wrong' : 'Waiting for you',
      propagate: true,
    };
  }

  /** Tells of slots that changed, and of places where one is no longer. */
  private tell(changed: ReadonlySet<string>): void {
    const paths = new Map(this.model.slots.map(slot => [slot.container, this.pathOf(slot)]));
    const told = [...paths].filter(([container, path]) => changed.has(container) || this.paths.get(container) !== path);
    const left = [...this.paths].filter(([container, path]) => paths.get(container) !== path);
    this.paths = paths;
    const uris = [...told, ...left].map(([, path]) => vscode.Uri.from({ scheme: ROW_SCHEME, path }));
    if (uris.length > 0) this.changed.fire(uris);
  }

  private pathOf(slot: Slot): string {
    return rowPath(isOwn(this.model, slot.workspace), slot.workspace, slot);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}
