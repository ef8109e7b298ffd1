import type { TerminalKind } from '../../server/protocol/methods.ts';
import type { CommandId } from '../ids.ts';
import { isAttachable } from '../model/tags.ts';
import type { Command } from './command.ts';
import { oneSlot } from './targets.ts';

export const attach = terminalCommand('incusAgents.attach', 'agent', 'Attach Agent Terminal');
export const openShell = terminalCommand('incusAgents.openShell', 'shell', 'Open Shell');
export const openRootShell = terminalCommand('incusAgents.openRootShell', 'root', 'Open Root Shell');

function terminalCommand(id: CommandId, kind: TerminalKind, name: string): Command {
  return {
    id,
    title: 'Opening the terminal failed',
    needs: 'trust',
    async run(context, node) {
      const slot = await oneSlot(context, node, name, isAttachable);
      await context.terminals.open(slot.container, kind);
    },
  };
}
