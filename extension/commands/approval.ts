import * as vscode from 'vscode';
import type { TrustItem } from '../../server/protocol/types.ts';
import { baseName, plain } from '../views/text.ts';
import type { CommandContext } from './command.ts';
import { cancelled } from './targets.ts';

/** Lists what a workspace asks for and approves it if the user agrees. False when nothing is pending. */
export async function approve(context: CommandContext, workspace: string): Promise<boolean> {
  const { pending } = await context.backend.request('config/trust', { workspace });
  if (pending.length === 0) return false;
  const choice = await vscode.window.showWarningMessage(
    `Allow what ${plain(baseName(workspace), 60)} asks for?`,
    { modal: true, detail: `${list(pending)}\n\nIt is asked again when it changes.` },
    'Allow',
  );
  if (choice !== 'Allow') throw cancelled();
  await context.backend.request('config/trust', { workspace, approve: true });
  return true;
}

/** Items as lines for a dialog. */
export function list(items: readonly TrustItem[]): string {
  return items.map(item => `• ${plain(item.kind, 40)}: ${plain(item.what, 200)}`).join('\n');
}
