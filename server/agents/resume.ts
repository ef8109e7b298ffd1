import { randomUUID } from 'node:crypto';
import { Failure } from '../base/errors.ts';
import type { Agent, Resumed } from './types.ts';

/**
 * How the conversation of a session is continued: the `resume` of a launch, or undefined when nothing was ever said in
 * it, so that the agent starts afresh; with "resume" it would refuse to start. Reads the session's directory on the host. `path` is
 * that of the workspace inside, for `known` and `before` see Agent; `said` tells that there was a conversation. Fails with
 * `not-found` when that cannot be found any more: an agent that knows nothing of it would stand under its title.
 */
export async function resumeOf(
  agent: Agent,
  sessionDir: string,
  path: string,
  { known, before, said }: { known?: string | undefined; before?: string | undefined; said?: boolean } = {},
): Promise<Resumed | undefined> {
  // An agent that keeps nothing with us decides by itself.
  if (agent.stateDirs.length === 0) return {};
  const conversation = await agent.findConversation(sessionDir, path, known, before);
  if (conversation === undefined && said === true) throw lost(agent, sessionDir);
  if (conversation === undefined) return undefined;
  const { agentSessionId, provider } = conversation;
  return {
    ...(agentSessionId === undefined ? {} : { agentSessionId }),
    ...(provider === undefined ? {} : { provider }),
  };
}

/** The id for a new conversation of a session: the session's own, or another when files of that are there, which the agent refuses. */
export async function newIdFor(agent: Agent, sessionDir: string, id: string): Promise<string> {
  return (await agent.hasId?.(sessionDir, id)) === true ? randomUUID() : id;
}

function lost(agent: Agent, sessionDir: string): Failure {
  return new Failure(
    'not-found',
    `The conversation that ${agent.title} had in this session is gone from ${sessionDir}, or cannot be read there.`,
    {
      hint: 'Nothing was changed. Put its files back, or open a new slot; when the session is deleted, a slot that had it starts anew.',
    },
  );
}
