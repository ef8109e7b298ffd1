import * as vscode from 'vscode';
import type { TrustItem } from '../../server/protocol/types.ts';
import { fitsDialog, listed, page, spelled } from '../views/approvalText.ts';
import { workspaceName } from '../views/names.ts';
import type { CommandContext } from './command.ts';
import { cancelled } from './targets.ts';

/**
 * Lists what a workspace asks for and approves it if the user agrees. False when nothing is pending. Nothing is approved that was not
 * shown to its end.
 */
export async function approve(context: CommandContext, workspace: string): Promise<boolean> {
  const { pending } = await context.backend.request('config/trust', { workspace });
  if (pending.length === 0) return false;
  const name = workspaceName(context.model, workspace);
  const agreed = fitsDialog(pending) ? await askInDialog(name, pending) : await askBesidePage(context, name, pending);
  if (!agreed) throw cancelled();
  await context.backend.request('config/trust', { workspace, approve: true });
  context.diagnostics.changed();
  return true;
}

async function askInDialog(name: string, pending: readonly TrustItem[]): Promise<boolean> {
  const { question, detail } = wordsFor(name, pending);
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, 'Allow')) === 'Allow';
}

/** A dialog would cut a long list, and keeps one from scrolling a page. */
async function askBesidePage(context: CommandContext, name: string, pending: readonly TrustItem[]): Promise<boolean> {
  const title = `What ${name} asks for`;
  await context.documents.show(title, page(title, pending));
  const allow = { label: 'Allow', description: `all ${pending.length} entries of the page` };
  const picked = await vscode.window.showQuickPick([{ label: 'Do Not Allow' }, allow], {
    title: `Allow what ${name} asks for?`,
    placeHolder: 'Read the page to its end first',
    ignoreFocusOut: true,
  });
  return picked === allow;
}

/** A folder of root's asks for nothing itself, so it is put in other words. */
function wordsFor(name: string, pending: readonly TrustItem[]): { question: string; detail: string } {
  if (pending.every(item => item.kind === 'root-owned')) {
    const detail = pending.map(item => spelled(item.what)).join('\n');
    return { question: `Let agents work in ${name}, which belongs to root?`, detail };
  }
  return {
    question: `Allow what ${name} asks for?`,
    detail: `${listed(pending)}\n\nIt is asked again when it changes.`,
  };
}
