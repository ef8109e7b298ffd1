import type { SlotOpenResult } from '../../protocol/methods.ts';
import type { Candidate } from '../../slots/numbers.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { openExisting } from './existing.ts';
import { openNew } from './new.ts';
import { type OpenPlan, type OpenRequest, prepareOpen } from './prepare.ts';
import { slotProtection } from './protection.ts';

/**
 * Opens a slot: takes a number, makes its container (or starts the one that is there) and the agent in it. A failure or a
 * cancel leaves the slot as it was before.
 */
export async function openSlot(deps: FlowDeps, request: OpenRequest, context: RequestContext): Promise<SlotOpenResult> {
  context.progress({ phase: 'prepare', message: 'Looking at the workspace' });
  await deps.ready(context.signal);
  const plan = await prepareOpen(deps, request, context);
  const maxSlots = plan.config.get('maxSlots');
  return deps.reservations.withSlot(plan.workspace.path, maxSlots, request.slot, (candidate, container) =>
    deps.serial.run(container, () => openIn(deps, plan, request, candidate, container, context)),
  );
}

async function openIn(
  deps: FlowDeps,
  plan: OpenPlan,
  request: OpenRequest,
  candidate: Candidate,
  container: string,
  context: RequestContext,
): Promise<SlotOpenResult> {
  const protection = await slotProtection(deps, plan, container, context.signal);
  const opening = { plan, container, slot: candidate.slot, prompt: request.prompt, protection };
  const open = candidate.reuse ? openExisting : openNew;
  const session = await open(deps, opening, context);
  return { container, slot: candidate.slot, session };
}
