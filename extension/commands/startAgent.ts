import type { Slot } from '../../server/protocol/types.ts';
import { NothingToDo } from '../model/failures.ts';
import { agentIsGone } from '../model/selectors.ts';
import type { Command, CommandContext } from './command.ts';
import { openAndAttach, openWithRemedies } from './launch.ts';
import { forEachSlot } from './several.ts';
import { oneSlot, slotsOfRows, type Wanted } from './targets.ts';

const AGENT_GONE: Wanted = { fits: agentIsGone, none: 'No slot runs without its agent.' };

/** Brings the agent back in containers that run without it: after a reboot inside, or when the agent has ended. */
export const startAgent: Command = {
  id: 'incusAgents.startAgent',
  title: 'Starting the agent failed',
  needs: 'trust',
  async run(context, node, nodes) {
    const rows = slotsOfRows(context, node, nodes);
    if (rows.length > 1) return startSeveral(context, rows.filter(agentIsGone));
    const { container, workspace, session } = await oneSlot(context, node, 'Start Agent', AGENT_GONE);
    if (session !== undefined) {
      await openAndAttach(context, { workspace, resume: session });
      return;
    }
    await context.backend.request('slot/start', { container });
    await context.terminals.open(container, 'agent');
  },
};

/** In the background: no one of several terminals is the one that is wanted. */
async function startSeveral(context: CommandContext, slots: readonly Slot[]): Promise<void> {
  if (slots.length === 0) throw new NothingToDo(AGENT_GONE.none);
  const start = ({ container, workspace, session }: Slot): Promise<unknown> =>
    session === undefined
      ? context.backend.request('slot/start', { container })
      : openWithRemedies(context, { workspace, resume: session, background: true });
  await forEachSlot(context, slots, 'starting', start, true);
}
