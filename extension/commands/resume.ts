import type { Command } from './command.ts';
import { openAndAttach } from './launch.ts';
import { oneSession, oneWorkspace, sessionsOf } from './targets.ts';

export const resume: Command = {
  id: 'incusAgents.resume',
  title: 'Resuming the session failed',
  needs: 'trust',
  async run(context, node) {
    // One that is live is not started a second time, but its agent is, where only that is gone: the backend knows.
    const { workspace, id } = await oneSession(context, node, 'Resume Session');
    await openAndAttach(context, { workspace, resume: id });
  },
};

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
