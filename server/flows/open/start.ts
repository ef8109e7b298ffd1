import { Failure } from '../../base/errors.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { ownedSlot } from '../owned.ts';
import { bringUp, claim } from './existing.ts';
import { prepareOpen } from './prepare.ts';
import { slotProtection } from './protection.ts';
import { discardSession, sessionFor, storedSession } from './session.ts';

/** Starts a stopped slot again, with the agent and the session that it had. One that runs already is a success. */
export async function startSlot(deps: FlowDeps, name: string, context: RequestContext, prompt?: string): Promise<void> {
  await deps.serial.run(name, async () => {
    const slot = await ownedSlot(deps, name, context.signal);
    if (slot.instance.running) return;
    if (slot.instance.frozen) {
      throw new Failure('conflict', `The container ${name} is paused.`, { hint: 'Unpause the slot instead.' });
    }
    const { identity } = slot;
    const record = await storedSession(deps, identity.session);
    const plan = await prepareOpen(
      deps,
      {
        workspace: identity.workspace,
        slot: identity.slot,
        agent: identity.agent === 'unknown' ? undefined : identity.agent,
        profile: identity.profile,
        image: undefined,
        persistent: identity.persistent,
        resume: undefined,
        prompt: undefined,
        background: undefined,
        preserve: record === undefined ? undefined : record.path !== '/workspace',
      },
      context,
      identity.image ?? 'unknown',
    );
    const protection = await slotProtection(deps, plan, name, context.signal);
    await claim(deps, name, context.signal);
    const session = await sessionFor(deps, plan, { container: name, slot: identity.slot }, record);
    await bringUp(
      deps,
      { plan, container: name, slot: identity.slot, prompt, protection, resumed: record },
      session,
      context,
      () => discardSession(deps, session),
    );
  });
}
