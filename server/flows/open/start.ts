import { Failure } from '../../base/errors.ts';
import { AT_REST } from '../../slots/keys.ts';
import { endedBy, type RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { takeOverForStart } from '../foreign.ts';
import { ownedSlot } from '../owned.ts';
import { openingOf } from './again.ts';
import { bringUp, claim } from './existing.ts';
import type { Opening } from './new.ts';
import { reviveAgent, whenDown } from './revive.ts';
import { discardSession, type SessionPlan, sessionFor, storedSession } from './session.ts';

/**
 * Starts a stopped slot again, with the agent and the session that it had; one that coi made becomes ours by that, and its conversation
 * is taken over before. In one that runs, only an agent that is gone is started (as after a reboot inside), and a prompt goes to the one
 * that is there.
 */
export async function startSlot(deps: FlowDeps, name: string, context: RequestContext, prompt?: string): Promise<void> {
  await deps.serial.run(name, async overruled => {
    const own = endedBy(context, overruled);
    let slot = await ownedSlot(deps, name, own.signal);
    if (slot.instance.frozen) {
      throw new Failure('conflict', `The container ${name} is paused.`, { hint: 'Unpause the slot instead.' });
    }
    const record = await storedSession(deps, slot.identity.session);
    if (slot.instance.running) {
      if (await reviveAgent(deps, slot, record, own, prompt)) return;
      slot = await whenDown(deps, name, own.signal);
    }
    // Its own directory would be hidden by the session's.
    const resumed = slot.identity.keyed ? record : await takeOverForStart(deps, slot, own.signal);
    const opening = await openingOf(deps, slot, resumed, own, prompt);
    await claim(deps, name, own.signal);
    const session = await claimedSession(deps, opening);
    await bringUp(deps, opening, session, own, () => discardSession(session));
  });
}

/** The session for a container that is claimed already; gives the container free again when there can be none. */
async function claimedSession(deps: FlowDeps, { plan, container, slot, resumed }: Opening): Promise<SessionPlan> {
  try {
    return await sessionFor(deps, plan, { container, slot }, resumed);
  } catch (error) {
    await deps.incus.patchInstance(container, { config: AT_REST });
    throw error;
  }
}
