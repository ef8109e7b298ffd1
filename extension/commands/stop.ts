import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

const SPEC: VerbSpec = {
  verb: 'stop',
  id: 'incusAgents.stop',
  allId: 'incusAgents.stopAll',
  name: 'Stop',
  doing: 'stopping',
  needs: 'backend',
  consequence: slots =>
    slots.some(slot => slot.agentState.state === 'working')
      ? 'An agent is at work there; stopping interrupts it. The container, the workspace and the conversation stay.'
      : undefined,
};

export const stop = verbCommand(SPEC);
export const stopAll = allCommand(SPEC);
