import { agentIsGone } from '../model/selectors.ts';
import type { Command } from './command.ts';
import { openAndAttach } from './launch.ts';
import { oneSlot } from './targets.ts';

/** Brings the agent back in a container that runs without it: after a reboot inside, or when the agent has ended. */
export const startAgent: Command = {
  id: 'incusAgents.startAgent',
  title: 'Starting the agent failed',
  needs: 'trust',
  async run(context, node) {
    const { container, workspace, session } = await oneSlot(context, node, 'Start Agent', agentIsGone);
    if (session !== undefined) {
      await openAndAttach(context, { workspace, resume: session });
      return;
    }
    await context.backend.request('slot/start', { container });
    await context.terminals.open(container, 'agent');
  },
};
