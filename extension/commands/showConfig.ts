import { workspaceName } from '../views/names.ts';
import { configReport } from '../views/reports.ts';
import type { Command } from './command.ts';
import { oneWorkspace } from './targets.ts';

export const showConfig: Command = {
  id: 'incusAgents.showConfig',
  title: 'Showing the configuration failed',
  needs: 'backend',
  async run(context, node) {
    const workspace = await oneWorkspace(context, node, 'Show Configuration');
    const shown = await context.backend.request('config/show', { workspace });
    await context.documents.show(
      `Configuration of ${workspaceName(context.model, workspace)}`,
      configReport(workspace, shown),
    );
  },
};
