import * as vscode from 'vscode';
import { isNode, type Node } from '../views/node.ts';
import { ALL_COMMANDS } from './all.ts';
import type { Command, CommandContext } from './command.ts';

/** Registers every command. Each one that needs it waits for the backend, and is refused in restricted mode. */
export function registerCommands(context: CommandContext): vscode.Disposable {
  const registrations = ALL_COMMANDS.map(command =>
    vscode.commands.registerCommand(command.id, (first?: unknown, rest?: unknown) => {
      const node = isNode(first) ? first : undefined;
      const nodes = Array.isArray(rest) ? rest.filter(isNode) : [];
      return runCommand(context, command, node, nodes);
    }),
  );
  return vscode.Disposable.from(...registrations);
}

async function runCommand(
  context: CommandContext,
  command: Command,
  node: Node | undefined,
  nodes: readonly Node[],
): Promise<void> {
  if (command.needs === 'trust' && !vscode.workspace.isTrusted) {
    await explainRestrictedMode();
    return;
  }
  await context.errors.run(command.title, async () => {
    if (command.needs !== 'nothing') await context.ready();
    await command.run(context, node, nodes);
  });
}

async function explainRestrictedMode(): Promise<void> {
  const choice = await vscode.window.showWarningMessage(
    'In restricted mode slots are listed, but nothing is started. Trust this workspace first.',
    'Manage Workspace Trust',
  );
  if (choice === 'Manage Workspace Trust') await vscode.commands.executeCommand('workbench.trust.manage');
}
