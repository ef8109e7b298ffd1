import type { Slot } from '../../server/protocol/types.ts';
import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

/** One that asks is at work too: it goes on as soon as it has its answer. */
function isInTurn({ status, agentState }: Slot): boolean {
  return status === 'running' && (agentState.state === 'working' || agentState.state === 'waiting');
}

const SPEC: VerbSpec = {
  verb: 'stop',
  id: 'incusAgents.stop',
  allId: 'incusAgents.stopAll',
  name: 'Stop',
  doing: 'stopping',
  needs: 'backend',
  consequence: slots =>
    slots.some(isInTurn)
      ? 'The agent is in the middle of its work, which stopping interrupts. The container and the conversation stay.'
      : undefined,
};

export const stop = verbCommand(SPEC);
export const stopAll = allCommand(SPEC);
