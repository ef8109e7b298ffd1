import * as vscode from 'vscode';
import { WALKTHROUGH_ID } from '../ids.ts';
import type { Command } from './command.ts';

export const openWalkthrough: Command = {
  id: 'incusAgents.openWalkthrough',
  title: 'Opening the walkthrough failed',
  needs: 'nothing',
  async run() {
    const walkthrough = `incus-agents.incus-agents#${WALKTHROUGH_ID}`;
    await vscode.commands.executeCommand('workbench.action.openWalkthrough', walkthrough, false);
  },
};
