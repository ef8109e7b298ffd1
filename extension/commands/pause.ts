import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

const SPEC: VerbSpec = {
  verb: 'pause',
  id: 'incusAgents.pause',
  allId: 'incusAgents.pauseAll',
  name: 'Pause',
  doing: 'pausing',
  needs: 'backend',
  consequence: () => undefined,
};

export const pause = verbCommand(SPEC);
export const pauseAll = allCommand(SPEC);
