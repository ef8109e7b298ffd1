import { IncusError } from '../../incus/errors.ts';
import type { SlotOpenResult } from '../../protocol/methods.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import { identify, type SlotIdentity } from '../../slots/keys.ts';
import type { Candidate } from '../../slots/numbers.ts';
import { endedBy, type RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { credentialVariables } from './credentials.ts';
import { openExisting } from './existing.ts';
import { slotLimits } from './limits.ts';
import { slotNetwork } from './network.ts';
import { openNew } from './new.ts';
import { type OpenPlan, type OpenRequest, prepareOpen } from './prepare.ts';
import { requirePrompt } from './prompt.ts';
import { slotProtection } from './protection.ts';
import { LostRace } from './reservation.ts';
import { askedSession, formerSlot, type Holder, holderNow, holderOf, holdsNow, withSession } from './resume.ts';
import { notSent } from './revive.ts';
import { slotSharing } from './sharing.ts';
import { startSlot } from './start.ts';

/**
 * Opens a slot: takes a number, makes its container (or starts the one that is there) and the agent in it. A failure or a
 * cancel leaves the slot as it was before. Resuming a session that is live gives where it is; nothing is started twice.
 */
export async function openSlot(deps: FlowDeps, request: OpenRequest, context: RequestContext): Promise<SlotOpenResult> {
  context.progress({ phase: 'prepare', message: 'Looking at the workspace' });
  await deps.ready(context.signal);
  const record = await askedSession(deps, request);
  if (record === undefined) return openFresh(deps, request, undefined, context);
  return deps.serial.run(`session ${record.id}`, () => resumeSession(deps, request, record, context));
}

async function resumeSession(
  deps: FlowDeps,
  request: OpenRequest,
  record: SessionRecord,
  context: RequestContext,
): Promise<SlotOpenResult> {
  const holder = await holderNow(deps, record.id);
  if (holder === undefined) return openFresh(deps, request, record, context);
  const { container, slot, paused } = holder;
  if (paused && request.prompt !== undefined)
    throw notSent(`The slot of ${container} is paused`, 'Unpause it, then send the prompt.');
  try {
    if (!paused) await startSlot(deps, container, context, request.prompt);
  } catch (error) {
    // Another backend that resumes it too has the container already.
    if (error instanceof LostRace && (await holdsNow(deps, container, record.id)))
      return resumedElsewhere(holder, record, request);
    throw error;
  }
  return { container, slot, session: record.id };
}

async function openFresh(
  deps: FlowDeps,
  request: OpenRequest,
  record: SessionRecord | undefined,
  context: RequestContext,
): Promise<SlotOpenResult> {
  const plan = await prepareOpen(deps, await withSession(deps, request, record), context);
  tellOfImage(deps, plan);
  requirePrompt(plan, request.prompt, record !== undefined);
  const maxSlots = plan.config.get('maxSlots');
  const take = (asked: number | undefined) =>
    deps.reservations.withSlot(
      plan.workspace.path,
      { maxSlots, asked, reuse: kept => record === undefined && fits(kept, request, plan.image) },
      (candidate, container) =>
        deps.serial.run(container, overruled => {
          const own = endedBy(context, overruled);
          return withFreeAddress(deps, plan, own, fresh =>
            openIn(deps, fresh, request, record, candidate, container, own),
          );
        }),
    );
  // Another backend may have been quicker to resume it meanwhile.
  const holder = record === undefined ? undefined : holderOf(deps, record.id);
  if (record !== undefined && holder !== undefined) return resumedElsewhere(holder, record, request);
  await seeClaimed(deps, plan.workspace.path);
  const former = request.slot ?? (record === undefined ? undefined : formerSlot(deps, record, maxSlots));
  try {
    return await take(former);
  } catch (error) {
    if (!(error instanceof LostRace) || request.slot !== undefined || former === undefined) throw error;
    return take(undefined);
  }
}

/** What the agent needs may be in the image that the project asks for, so that another one should not come as a surprise. */
function tellOfImage(deps: FlowDeps, { config, image }: OpenPlan): void {
  const asked = config.pending.find(item => item.kind === 'image');
  if (asked === undefined) return;
  const text = `${asked.source} asks for this, which is ignored until you approve it (Trust Workspace Configuration)`;
  deps.message('warning', `${text}: ${asked.what}. New slots are made from ${image}.`);
}

/** Looks again at those of a workspace's slots that somebody was at work on when last seen: it may be over by now, and the slot free. */
async function seeClaimed(deps: FlowDeps, workspace: string): Promise<void> {
  const claimed = deps.board.instances().filter(instance => {
    const identity = identify(instance);
    return identity?.workspace === workspace && identity.phase !== undefined;
  });
  await Promise.all(claimed.map(({ name }) => deps.mirror.refresh(name)));
}

/**
 * Whether a kept container is what was asked for: what it was made from and that it is kept cannot be changed by opening it. Who names
 * an image or a profile wants the `image` that this means. One that coi made holds its conversation itself, which a new session would hide.
 */
function fits(kept: SlotIdentity, { image: named, profile, persistent }: OpenRequest, image: string): boolean {
  const any = named === undefined && profile === undefined;
  return kept.keyed && persistent !== false && (any || image === kept.image);
}

/** How many addresses are tried. */
const ADDRESSES = 5;

/** Tries an open again with what the bridge says then, while another backend's slot gets the address that was chosen for it. */
async function withFreeAddress(
  deps: FlowDeps,
  plan: OpenPlan,
  context: RequestContext,
  open: (plan: OpenPlan) => Promise<SlotOpenResult>,
): Promise<SlotOpenResult> {
  let bridge = plan.bridge;
  for (let attempt = 1; ; attempt++) {
    try {
      return await open({ ...plan, bridge });
    } catch (error) {
      const taken = error instanceof IncusError && error.reason === 'address-taken';
      if (!taken || attempt === ADDRESSES) throw error;
      bridge = deps.networks.bridge(context.signal);
    }
  }
}

async function openIn(
  deps: FlowDeps,
  plan: OpenPlan,
  request: OpenRequest,
  record: SessionRecord | undefined,
  candidate: Candidate,
  container: string,
  context: RequestContext,
): Promise<SlotOpenResult> {
  // A kept container does without its image.
  if (!candidate.reuse) await plan.fingerprint;
  const present = candidate.reuse ? deps.board.instance(container) : undefined;
  const [limits, protection, network, credentials] = await Promise.all([
    slotLimits(deps, plan.config, present, context.signal),
    slotProtection(deps, plan, container),
    slotNetwork(deps, plan, container, context.signal),
    credentialVariables(plan, context),
  ]);
  const { slot } = candidate;
  const sharing = await slotSharing(deps, plan, { container, slot, protection }, context);
  // What the agent is told and what its session remembers is about the container that there is.
  const own = candidate.reuse ? { ...plan, persistent: true } : plan;
  const common = { plan: own, container, slot, limits, protection, network, credentials, sharing };
  const opening = { ...common, prompt: request.prompt, resumed: record };
  const open = candidate.reuse ? openExisting : openNew;
  try {
    return { container, slot, session: await open(deps, opening, context) };
  } catch (error) {
    if (error instanceof LostRace && record !== undefined && (await holdsNow(deps, container, record.id)))
      return resumedElsewhere({ container, slot }, record, request);
    throw error;
  }
}

/** Where another backend has just resumed the session. Fails with `conflict` for a prompt, which that one does not know of. */
function resumedElsewhere(
  { container, slot }: Pick<Holder, 'container' | 'slot'>,
  record: SessionRecord,
  { prompt }: OpenRequest,
): SlotOpenResult {
  if (prompt === undefined) return { container, slot, session: record.id };
  throw notSent(`Another backend has just resumed the session in ${container}`, 'Send it when the agent is ready.');
}
