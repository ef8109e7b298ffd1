import type { Command } from './command.ts';

export const restartBackend: Command = {
  id: 'incusAgents.restartBackend',
  title: 'Restarting the backend failed',
  needs: 'nothing',
  run: context => context.restartBackend(),
};
