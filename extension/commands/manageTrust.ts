import * as vscode from 'vscode';
import type { Command } from './command.ts';

/** The editor's own, which has no icon and would take the whole title of a view. */
export const manageTrust: Command = {
  id: 'incusAgents.manageTrust',
  title: 'Opening the trust of this window failed',
  needs: 'nothing',
  async run() {
    await vscode.commands.executeCommand('workbench.trust.manage');
  },
};
