import { reachReport } from '../views/reports.ts';
import type { Command } from './command.ts';
import { nameOf, oneSlot, RUNNING_SLOT } from './targets.ts';

export const showReach: Command = {
  id: 'incusAgents.showReach',
  title: 'Finding out what the agent can reach failed',
  needs: 'backend',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'What Can This Agent Reach?', RUNNING_SLOT);
    const reach = await context.backend.request('slot/reach', { container: slot.container });
    await context.documents.show(`What ${nameOf(context, slot)} can reach`, reachReport(nameOf(context, slot), reach));
  },
};
