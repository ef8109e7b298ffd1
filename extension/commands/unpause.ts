import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

const SPEC: VerbSpec = {
  verb: 'unpause',
  id: 'incusAgents.unpause',
  allId: 'incusAgents.unpauseAll',
  name: 'Continue',
  doing: 'continuing',
  needs: 'trust',
  consequence: () => undefined,
};

export const unpause = verbCommand(SPEC);
export const unpauseAll = allCommand(SPEC);
