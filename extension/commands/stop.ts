import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';
import { interrupts, isInTurn } from './stays.ts';

const SPEC: VerbSpec = {
  verb: 'stop',
  id: 'incusAgents.stop',
  allId: 'incusAgents.stopAll',
  name: 'Stop',
  doing: 'stopping',
  needs: 'backend',
  consequence: slots => (slots.some(isInTurn) ? interrupts('stopping') : undefined),
};

export const stop = verbCommand(SPEC);
export const stopAll = allCommand(SPEC);
