import * as vscode from 'vscode';
import type { TrustItem } from '../../server/protocol/types.ts';
import { baseName, plain } from '../views/text.ts';
import type { CommandContext } from './command.ts';
import { cancelled } from './targets.ts';

/** Lists what a workspace asks for and approves it if the user agrees. False when nothing is pending. */
export async function approve(context: CommandContext, workspace: string): Promise<boolean> {
  const { pending } = await context.backend.request('config/trust', { workspace });
  if (pending.length === 0) return false;
  const { question, detail } = wordsFor(plain(baseName(workspace), 60), pending);
  const choice = await vscode.window.showWarningMessage(question, { modal: true, detail }, 'Allow');
  if (choice !== 'Allow') throw cancelled();
  await context.backend.request('config/trust', { workspace, approve: true });
  return true;
}

/** A folder of root's asks for nothing itself, so it is put in other words. */
function wordsFor(name: string, pending: readonly TrustItem[]): { question: string; detail: string } {
  if (pending.every(item => item.kind === 'root-owned')) {
    const detail = pending.map(item => plain(item.what, 300)).join('\n');
    return { question: `Let agents work in ${name}, which belongs to root?`, detail };
  }
  const detail = `${list(pending)}\n\nIt is asked again when it changes.`;
  return { question: `Allow what ${name} asks for?`, detail };
}

/** Items as lines for a dialog. */
export function list(items: readonly TrustItem[]): string {
  return items.map(item => `• ${plain(item.kind, 40)}: ${plain(item.what, 200)}`).join('\n');
}
