import { transcriptReport } from '../views/reports.ts';
import type { Command } from './command.ts';
import { oneSession, titleOf } from './targets.ts';

export const showTranscript: Command = {
  id: 'incusAgents.showTranscript',
  title: 'Showing the transcript failed',
  needs: 'backend',
  async run(context, node) {
    const { id } = await oneSession(context, node, 'Show Transcript', 'all');
    const { session, transcript, truncated } = await context.backend.request('session/show', { id });
    await context.documents.show(
      `Transcript of ${titleOf(session)} (${id.slice(0, 8)})`,
      transcriptReport(session, transcript, truncated),
    );
  },
};
