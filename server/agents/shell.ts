import type { Agent } from './types.ts';

/** No agent at all: a login shell in tmux, for people and for scripts. */
export const shell: Agent = {
  name: 'shell',
  title: 'Shell',
  command: options => [options.binary ?? 'bash', '-l'],
  environment: () => ({}),
  files: () => [],
  stateDirs: [],
  tells: false,
  login: { files: [] },
  versionArgv: ['bash', '--version'],
  findConversation: async () => undefined,
  transcript: async () => [],
};
