import { randomUUID } from 'node:crypto';
import type { Agent } from './types.ts';

/**
 * How the conversation of a session is continued: the `resume` of a launch, or undefined when nothing was ever said in
 * it, so that the agent starts afresh; with "resume" it would refuse to start. Reads the session's directory on the host. `path` is
 * that of the workspace inside, `known` the conversation that the agent said it holds.
 */
export async function resumeOf(
  agent: Agent,
  sessionDir: string,
  path: string,
  known?: string,
): Promise<{ agentSessionId?: string } | undefined> {
  // An agent that keeps nothing with us decides by itself.
  if (agent.stateDirs.length === 0) return {};
  const conversation = await agent.findConversation(sessionDir, path, known);
  if (conversation === undefined) return undefined;
  return conversation.agentSessionId === undefined ? {} : { agentSessionId: conversation.agentSessionId };
}

/** The id for a new conversation of a session: the session's own, or another when files of that are there, which the agent refuses. */
export async function newIdFor(agent: Agent, sessionDir: string, id: string): Promise<string> {
  return (await agent.hasId?.(sessionDir, id)) === true ? randomUUID() : id;
}
