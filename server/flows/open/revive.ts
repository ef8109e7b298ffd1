import { Failure } from '../../base/errors.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import type { OwnedSlot } from '../owned.ts';
import { agentRuns, sendText } from '../screen.ts';
import { openingOf } from './again.ts';
import { startOf } from './new.ts';
import { sessionFor } from './session.ts';
import { prepareStart, startAgent } from './start-agent.ts';

/**
 * Brings the agent back in a container that runs without one: after a reboot inside, or when its tmux was ended. The
 * conversation goes on. Where the agent is, nothing is started; the prompt is typed. Coi's containers are left as they are.
 */
export async function reviveAgent(
  deps: FlowDeps,
  slot: OwnedSlot,
  record: SessionRecord | undefined,
  context: RequestContext,
  prompt: string | undefined,
): Promise<void> {
  const { name, identity } = slot;
  if (identity.session === undefined || identity.phase !== undefined) return;
  if (await agentRuns(deps, slot, context.signal)) {
    if (prompt !== undefined) await sendText(deps, name, prompt, true, context.signal);
    return;
  }
  if (record === undefined) {
    throw new Failure('conflict', `The session of ${name} is deleted, so its agent cannot be started again.`, {
      hint: 'Close the slot and open a new one.',
    });
  }
  const opening = await openingOf(deps, slot, record, context, prompt);
  const session = await sessionFor(deps, opening.plan, { container: name, slot: identity.slot }, record);
  const start = startOf(opening, session, false);
  deps.board.note(name, { transition: 'starting', problem: undefined });
  try {
    await startAgent(deps, start, await prepareStart(deps, start, context), context.signal);
  } finally {
    deps.board.note(name, { transition: undefined });
  }
}
