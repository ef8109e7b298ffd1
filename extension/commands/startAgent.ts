import { agentIsGone } from '../model/selectors.ts';
import type { Command } from './command.ts';
import { openAndAttach } from './launch.ts';
import { oneSlot, type Wanted } from './targets.ts';

const AGENT_GONE: Wanted = { fits: agentIsGone, none: 'No slot runs without its agent.' };

/** Brings the agent back in a container that runs without it: after a reboot inside, or when the agent has ended. */
export const startAgent: Command = {
  id: 'incusAgents.startAgent',
  title: 'Starting the agent failed',
  needs: 'trust',
  async run(context, node) {
    const { container, workspace, session } = await oneSlot(context, node, 'Start Agent', AGENT_GONE);
    if (session !== undefined) {
      await openAndAttach(context, { workspace, resume: session });
      return;
    }
    await context.backend.request('slot/start', { container });
    await context.terminals.open(container, 'agent');
  },
};
