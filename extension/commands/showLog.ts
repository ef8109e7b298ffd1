import type { Command } from './command.ts';

export const showLog: Command = {
  id: 'incusAgents.showLog',
  title: 'Showing the log failed',
  needs: 'nothing',
  async run(context) {
    context.log.show();
  },
};
