import * as vscode from 'vscode';
import { NothingToDo } from '../model/failures.ts';
import { fitsDialog, listed, page } from '../views/approvalText.ts';
import { workspaceName } from '../views/names.ts';
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
    const name = workspaceName(context.model, workspace);
    if (approved.length === 0) throw new NothingToDo(`${name} asks for nothing that needs your approval.`);
    const fits = fitsDialog(approved);
    if (!fits) await context.documents.show('What is approved', page('What is approved', approved));
    const detail = fits ? `Approved already:\n${listed(approved)}` : 'What is approved is on a page.';
    await vscode.window.showInformationMessage(`Nothing of ${name} waits for approval.`, { modal: true, detail });
  },
};
