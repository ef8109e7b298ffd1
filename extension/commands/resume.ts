import type { Session } from '../../server/protocol/types.ts';
import { NothingToDo, throwTogether } from '../model/failures.ts';
import { isResumable } from '../model/selectors.ts';
import type { Node } from '../views/node.ts';
import type { Command, CommandContext } from './command.ts';
import { openAndAttach, openWithRemedies } from './launch.ts';
import { oneSession, oneWorkspace, sessionsOf, titleOf } from './targets.ts';

export const resume: Command = {
  id: 'incusAgents.resume',
  title: 'Resuming the session failed',
  needs: 'trust',
  async run(context, node, nodes) {
    const rows = sessionsOfRows(context, nodes);
    if (rows.length > 1)
      return resumeSeveral(
        context,
        rows.filter(session => isResumable(context.model, session)),
      );
    // One that is live is not started a second time, but its agent is, where only that is gone: the backend knows.
    const { workspace, id } = await oneSession(context, node, 'Resume Session');
    await openAndAttach(context, { workspace, resume: id });
  },
};

/** The sessions of the selected rows, each once. */
function sessionsOfRows({ model }: CommandContext, nodes: readonly Node[]): Session[] {
  const ids = new Set(nodes.flatMap(node => (node.kind === 'session' ? [node.session] : [])));
  return [...ids].map(id => model.session(id)).filter(session => session !== undefined);
}

/** In the background: no one of several terminals is the one that is wanted. */
async function resumeSeveral(context: CommandContext, sessions: readonly Session[]): Promise<void> {
  if (sessions.length === 0) throw new NothingToDo('None of these sessions can be resumed.');
  const resumed = sessions.map(({ workspace, id }) =>
    openWithRemedies(context, { workspace, resume: id, background: true }),
  );
  throwTogether(await Promise.allSettled(resumed), sessions.map(titleOf));
}

export const resumeLatest: Command = {
  id: 'incusAgents.resumeLatest',
  title: 'Resuming the latest session failed',
  needs: 'trust',
  async run(context, node) {
    const workspace = await oneWorkspace(context, node, 'Resume Latest Session');
    // The backend reads which it is, and gives where it is when its agent is at work. A plain shell's has nothing to resume.
    sessionsOf(context, workspace, 'all');
    await openAndAttach(context, { workspace, resume: 'latest' });
  },
};
