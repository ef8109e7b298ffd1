import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

const SPEC: VerbSpec = {
  verb: 'start',
  id: 'incusAgents.start',
  allId: 'incusAgents.startAll',
  name: 'Start',
  doing: 'starting',
  needs: 'trust',
  consequence: () => undefined,
};

export const start = verbCommand(SPEC);
export const startAll = allCommand(SPEC);
