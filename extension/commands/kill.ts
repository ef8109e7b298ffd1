import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

const SPEC: VerbSpec = {
  verb: 'kill',
  id: 'incusAgents.kill',
  allId: 'incusAgents.killAll',
  name: 'Kill',
  doing: 'killing',
  needs: 'backend',
  consequence: () =>
    'The container is deleted at once, without a shutdown. What the agent has not saved inside is lost. The conversation stays.',
};

export const kill = verbCommand(SPEC);
export const killAll = allCommand(SPEC);
