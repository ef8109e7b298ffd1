import * as vscode from 'vscode';
import type { Slot } from '../../server/protocol/types.ts';
import { ROW_SCHEME } from '../ids.ts';
import type { Model } from '../model/model.ts';
import { hasTrouble, wantsYou } from '../model/selectors.ts';
import { rowPath } from './node.ts';

/** Marks rows that want the user, on the right of the row, rolled up to the workspace by the editor. */
export class Decorations implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri[]>();
  private readonly subscription: { dispose(): void };
  private readonly model: Model;

  readonly onDidChangeFileDecorations = this.changed.event;

  constructor(model: Model) {
    this.model = model;
    this.subscription = model.onDidChange(difference => {
      const slots = [...difference.slots].map(container => model.slot(container)).filter(slot => slot !== undefined);
      if (slots.length > 0) this.changed.fire(slots.map(uriOf));
    });
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    if (uri.scheme !== ROW_SCHEME) return undefined;
    const slot = this.model.slot(uri.path.split('/').at(-1) ?? '');
    if (slot === undefined || !wantsYou(slot)) return undefined;
    const trouble = hasTrouble(slot);
    return {
      badge: trouble ? '!' : '?',
      color: new vscode.ThemeColor(trouble ? 'list.errorForeground' : 'list.warningForeground'),
      tooltip: trouble ? 'Something went wrong' : 'Waiting for you',
      propagate: true,
    };
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
  }
}

function uriOf(slot: Slot): vscode.Uri {
  return vscode.Uri.from({ scheme: ROW_SCHEME, path: rowPath(slot.workspace, slot) });
}
