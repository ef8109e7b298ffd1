import * as vscode from 'vscode';
import type { Command } from './command.ts';

export const openSettings: Command = {
  id: 'incusAgents.openSettings',
  title: 'Opening the settings failed',
  needs: 'nothing',
  async run() {
    await vscode.commands.executeCommand('workbench.action.openSettings', '@ext:incus-agents.incus-agents');
  },
};
