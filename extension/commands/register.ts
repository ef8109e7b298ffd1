import * as vscode from 'vscode';
import { OPEN_ROW_COMMAND } from '../ids.ts';
import { isNode, type Node } from '../views/node.ts';
import { rowOf } from '../views/row.ts';
import type { Row } from '../views/rows.ts';
import { ALL_COMMANDS } from './all.ts';
import { attach, openShell } from './attach.ts';
import type { Command, CommandContext } from './command.ts';
import { showTranscript } from './showTranscript.ts';

/** Registers every command. Each one that needs it waits for the backend, and is refused in restricted mode. */
export function registerCommands(context: CommandContext): vscode.Disposable {
  const registrations = ALL_COMMANDS.map(command =>
    vscode.commands.registerCommand(command.id, (first?: unknown, rest?: unknown) => {
      const node = isNode(first) ? first : undefined;
      const nodes = Array.isArray(rest) ? rest.filter(isNode) : [];
      return runCommand(context, command, node, nodes, typeof first === 'string' ? first : undefined);
    }),
  );
  const click = vscode.commands.registerCommand(OPEN_ROW_COMMAND, () => openRow(context));
  return vscode.Disposable.from(...registrations, click);
}

const CLICKS: Readonly<Record<NonNullable<Row['click']>, Command>> = {
  agent: attach,
  shell: openShell,
  transcript: showTranscript,
};

/** Does what a click on the selected row stands for. */
async function openRow(context: CommandContext): Promise<void> {
  const node = context.view.selected;
  const click = node && rowOf(context.model, node, Date.now()).click;
  if (click !== undefined) await runCommand(context, CLICKS[click], node, []);
}

async function runCommand(
  context: CommandContext,
  command: Command,
  node: Node | undefined,
  nodes: readonly Node[],
  text?: string,
): Promise<void> {
  if (command.needs === 'trust' && !vscode.workspace.isTrusted) {
    await explainRestrictedMode();
    return;
  }
  await context.errors.run(command.title, async () => {
    if (command.needs !== 'nothing') await context.ready();
    await command.run(context, node, nodes, text);
  });
}

async function explainRestrictedMode(): Promise<void> {
  const choice = await vscode.window.showWarningMessage(
    'In restricted mode slots are listed, but nothing is started. Trust this workspace first.',
    'Manage Workspace Trust',
  );
  if (choice === 'Manage Workspace Trust') await vscode.commands.executeCommand('workbench.trust.manage');
}
