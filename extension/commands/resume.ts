import type { Session } from '../../server/protocol/types.ts';
import type { Command, CommandContext } from './command.ts';
import { openAndAttach } from './launch.ts';
import { oneSession, oneWorkspace } from './targets.ts';

export const resume: Command = {
  id: 'incusAgents.resume',
  title: 'Resuming the session failed',
  needs: 'trust',
  async run(context, node) {
    await resumeSession(context, await oneSession(context, node, 'Resume Session'));
  },
};

export const resumeLatest: Command = {
  id: 'incusAgents.resumeLatest',
  title: 'Resuming the latest session failed',
  needs: 'trust',
  async run(context, node) {
    const workspace = await oneWorkspace(context, node, 'Resume Latest Session');
    await openAndAttach(context, { workspace, resume: 'latest' });
  },
};

/** Resumes a session; one that is live is attached to, never started a second time. */
async function resumeSession(context: CommandContext, session: Session): Promise<void> {
  if (session.live && session.container !== undefined) {
    await context.terminals.open(session.container, 'agent');
    return;
  }
  await openAndAttach(context, { workspace: session.workspace, resume: session.id });
}
