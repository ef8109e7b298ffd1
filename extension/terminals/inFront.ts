import * as vscode from 'vscode';
import type { Model } from '../model/model.ts';
import type { ContextKeys } from '../views/contextKeys.ts';
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
