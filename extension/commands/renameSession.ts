import * as vscode from 'vscode';
import type { Command } from './command.ts';
import { cancelled, oneSession } from './targets.ts';

export const renameSession: Command = {
  id: 'incusAgents.renameSession',
  title: 'Renaming the session failed',
  needs: 'backend',
  async run(context, node) {
    const session = await oneSession(context, node, 'Rename Session', 'all');
    const title = await vscode.window.showInputBox({
      title: 'Rename Session',
      value: session.title ?? '',
      ignoreFocusOut: true,
      validateInput: value => (value.trim() === '' ? 'A title is needed' : undefined),
    });
    if (title === undefined) throw cancelled();
    await context.backend.request('session/rename', { id: session.id, title: title.trim() });
  },
};
