import * as vscode from 'vscode';
import type { Model } from '../model/model.ts';
import type { ContextKeys } from '../views/contextKeys.ts';
import { type EditorTab, isSeen } from './seen.ts';
import type { Terminals } from './terminals.ts';

/**
 * Says whether the active terminal is that of an agent, for the keys that only agents understand. A plain shell is none: it
 * would take them for text.
 */
export function watchTerminalInFront(model: Model, terminals: Terminals, keys: ContextKeys): vscode.Disposable {
  const look = (): void => {
    const key = terminals.keyOf(vscode.window.activeTerminal);
    const agent = key?.kind === 'agent' ? model.slot(key.container)?.agent : undefined;
    keys.set('incusAgents.agentTerminal', agent !== undefined && agent !== 'shell');
  };
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTerminal(look),
    terminals.onDidAdopt(look),
    model.onDidChange(look),
  );
}

/** Knows which agent's terminal the user is in. */
export class TerminalInFront implements vscode.Disposable {
  private readonly subscription: vscode.Disposable;
  private readonly terminals: Terminals;
  private left = false;

  constructor(terminals: Terminals) {
    this.terminals = terminals;
    const back = (): void => {
      this.left = false;
    };
    this.subscription = vscode.Disposable.from(
      vscode.window.onDidChangeActiveTerminal(back),
      terminals.onDidShow(back),
      vscode.window.onDidChangeTextEditorSelection(({ kind }) => {
        const { Keyboard, Mouse } = vscode.TextEditorSelectionChangeKind;
        if (kind === Keyboard || kind === Mouse) this.left = true;
      }),
    );
  }

  /** The container whose agent it shows, if it shows one. */
  agent(): string | undefined {
    const terminal = vscode.window.activeTerminal;
    return terminal !== undefined && isSeen(terminal.name, editorTabs(), this.left)
      ? this.terminals.agentOf(terminal)
      : undefined;
  }

  dispose(): void {
    this.subscription.dispose();
  }
}

function editorTabs(): EditorTab[] {
  return vscode.window.tabGroups.all.flatMap(group =>
    group.tabs.map(tab => ({
      label: tab.label,
      terminal: tab.input instanceof vscode.TabInputTerminal,
      active: group.isActive && tab.isActive,
    })),
  );
}
