import type { Command } from './command.ts';
import { openAndAttach } from './launch.ts';
import { oneWorkspace } from './targets.ts';

export const openSlot: Command = {
  id: 'incusAgents.openSlot',
  title: 'Opening a slot failed',
  needs: 'trust',
  async run(context, node) {
    const workspace = await oneWorkspace(context, node, 'Open Slot');
    await openAndAttach(context, { workspace });
  },
};
