import type { AgentState, AgentStateName, SlotStatus } from '../protocol/types.ts';
import type { Memory } from './types.ts';

/** Whether no agent can run in a container of that status. */
export function isDown(status: SlotStatus): boolean {
  return status === 'stopped';
}

/** Whether nothing can be told of the agent now: signals that come all the same are of what follows. */
export function isAway(status: SlotStatus): boolean {
  return isDown(status) || status === 'failed';
}

/** Whether the agent is not there any more. */
export function hasEnded(agent: AgentState): boolean {
  return agent.state === 'exited' || agent.state === 'failed';
}

/** Keeps the time since when a state holds when nothing but its reason is new. */
export function moved({ early: _, asked: __, ...memory }: Memory, agent: AgentState): Memory {
  if (memory.agent.state !== agent.state) return { ...memory, agent };
  return { ...memory, agent: { ...agent, since: memory.agent.since } };
}

/** A state since `at` (ms), and why. */
export function state(name: AgentStateName, at: number, why: string): AgentState {
  return { state: name, since: new Date(at).toISOString(), why };
}
