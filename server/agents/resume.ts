import type { Agent } from './types.ts';

/**
 * How the conversation of a session is continued: the `resume` of a launch, or undefined when nothing was ever said in
 * it, so that the agent starts afresh; with "resume" it would refuse to start. Reads the session's directory on the host.
 */
export async function resumeOf(agent: Agent, sessionDir: string): Promise<{ agentSessionId?: string } | undefined> {
  // An agent that keeps nothing with us decides by itself.
  if (agent.stateDirs.length === 0) return {};
  const conversation = await agent.findConversation(sessionDir);
  if (conversation === undefined) return undefined;
  return conversation.agentSessionId === undefined ? {} : { agentSessionId: conversation.agentSessionId };
}
