import * as vscode from 'vscode';
import { NothingToDo } from '../model/failures.ts';
import { otherWorkspaces } from '../model/selectors.ts';
import { workspaceName } from '../views/names.ts';
import { plain } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { cancelled, workspaceOfRow } from './targets.ts';

/** Goes to a workspace that has slots and is not open here. */
export const openFolder: Command = {
  id: 'incusAgents.openFolder',
  title: 'Opening the folder failed',
  needs: 'backend',
  async run(context, node) {
    const path = workspaceOfRow(context, node) ?? (await pickOther(context));
    await vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(path), { forceNewWindow: true });
  },
};

async function pickOther({ model }: CommandContext): Promise<string> {
  const others = otherWorkspaces(model.slots, model.surroundings.folders);
  if (others.length === 0) throw new NothingToDo('No other workspace has a slot.');
  const items = others.map(path => ({ label: workspaceName(model, path), description: plain(path, 120), path }));
  const title = 'Open Folder in New Window';
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder: 'Choose a workspace' });
  if (picked === undefined) throw cancelled();
  return picked.path;
}
