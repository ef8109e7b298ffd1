import * as vscode from 'vscode';
import { listed } from '../views/approvalText.ts';
import { approve } from './approval.ts';
import type { Command } from './command.ts';
import { oneWorkspace } from './targets.ts';

export const trustConfig: Command = {
  id: 'incusAgents.trustConfig',
  title: 'Approving the configuration failed',
  needs: 'trust',
  async run(context, node) {
    const workspace = await oneWorkspace(context, node, 'Trust Workspace Configuration');
    if (await approve(context, workspace)) return;
    const { approved } = await context.backend.request('config/trust', { workspace });
    const detail = approved.length === 0 ? 'It asks for nothing.' : `Approved already:\n${listed(approved)}`;
    await vscode.window.showInformationMessage('Nothing of this workspace waits for approval.', {
      modal: true,
      detail,
    });
  },
};
