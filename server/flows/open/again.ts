import type { SessionRecord } from '../../sessions/types.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import type { OwnedSlot } from '../owned.ts';
import { credentialVariables } from './credentials.ts';
import { slotLimits } from './limits.ts';
import { slotNetwork } from './network.ts';
import type { Opening } from './new.ts';
import { prepareOpen } from './prepare.ts';
import { requirePrompt } from './prompt.ts';
import { slotProtection } from './protection.ts';
import { preserveFor } from './resume.ts';
import { liveSharing, slotSharing } from './sharing.ts';

/**
 * What starting the agent of a slot that is there needs: everything as the slot was made, and the configuration of now. In one that runs
 * what is shared stays as it is, and so does its network.
 */
export async function openingOf(
  deps: FlowDeps,
  owned: OwnedSlot,
  record: SessionRecord | undefined,
  context: RequestContext,
  prompt: string | undefined,
): Promise<Opening> {
  const { name, identity, instance } = owned;
  const plan = await prepareOpen(
    deps,
    {
      workspace: identity.workspace,
      slot: identity.slot,
      agent: record?.agent ?? (identity.agent === 'unknown' ? undefined : identity.agent),
      profile: identity.keyed ? identity.profile : record?.profile,
      image: undefined,
      persistent: identity.persistent,
      resume: undefined,
      prompt: undefined,
      preserve: record === undefined ? undefined : await preserveFor(deps, record),
    },
    context,
    identity.image ?? instance.imageDescription ?? 'unknown',
  );
  requirePrompt(plan, prompt, record !== undefined);
  const [limits, protection, network, credentials] = await Promise.all([
    slotLimits(deps, plan.config, instance, context.signal),
    slotProtection(deps, plan, name),
    (instance.running ? deps.networks.live(instance) : undefined) ?? slotNetwork(deps, plan, name, context.signal),
    credentialVariables(plan, context),
  ]);
  const { slot } = identity;
  const sharing = instance.running
    ? await liveSharing(deps, plan, owned, context)
    : await slotSharing(deps, plan, { container: name, slot, protection }, context);
  return { plan, container: name, slot, prompt, limits, protection, network, credentials, sharing, resumed: record };
}
