import type { TerminalKind } from '../../server/protocol/methods.ts';
import type { CommandId } from '../ids.ts';
import type { Command } from './command.ts';
import { oneSlot, RUNNING_SLOT } from './targets.ts';

export const attach = terminalCommand('incusAgents.attach', 'agent', 'Open Agent Terminal');
export const openShell = terminalCommand('incusAgents.openShell', 'shell', 'Open Shell');
export const openRootShell = terminalCommand('incusAgents.openRootShell', 'root', 'Open Root Shell');

function terminalCommand(id: CommandId, kind: TerminalKind, name: string): Command {
  return {
    id,
    title: 'Opening the terminal failed',
    needs: 'trust',
    async run(context, node) {
      const slot = await oneSlot(context, node, name, RUNNING_SLOT);
      await context.terminals.open(slot.container, kind);
    },
  };
}
