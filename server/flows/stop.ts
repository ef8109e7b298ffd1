import { Failure, messageOf } from '../base/errors.ts';
import type { SlotStatus } from '../protocol/types.ts';
import { type Phase, slotConfig } from '../slots/keys.ts';
import { destroy, powerOff } from '../slots/lifecycle.ts';
import { codeUser } from './code-user.ts';
import type { FlowDeps } from './deps.ts';
import { rescueConversation } from './foreign.ts';
import { handOverWorkspace } from './hand-over.ts';
import { type OwnedSlot, ownedSlot, requireSlotName } from './owned.ts';
import { settleForStop } from './settle.ts';

/**
 * Powers a slot off, gracefully and then by force; the container stays. A stopped one is left as it is. Once its system was asked to shut
 * down, a cancel comes too late.
 */
export function stopSlot(deps: FlowDeps, name: string, seconds: number, signal: AbortSignal): Promise<void> {
  return changing(deps, name, 'stopping', signal, async (slot, ended) => {
    await shutDown(deps, slot, seconds, ended);
  });
}

/**
 * As `stopSlot`; then deletes, if it was not cancelled by then, unless the slot is persistent. With `onlyIfStopped` one that runs is left
 * alone: fails with `conflict`.
 */
export function closeSlot(
  deps: FlowDeps,
  name: string,
  seconds: number,
  signal: AbortSignal,
  onlyIfStopped = false,
): Promise<void> {
  return takeAway(deps, name, seconds, signal, slot => {
    const { running, frozen } = slot.instance;
    if (!onlyIfStopped || !(running || frozen)) return !slot.identity.persistent;
    throw new Failure('conflict', `The container ${name} runs again, so it was left alone.`, {
      hint: 'Close it if you mean it.',
    });
  });
}

/** As `closeSlot`, a persistent one too. */
export function deleteSlot(deps: FlowDeps, name: string, seconds: number, signal: AbortSignal): Promise<void> {
  return takeAway(deps, name, seconds, signal, () => true);
}

/** Milliseconds that a kill waits for what root made to be handed over. */
const KILL_WAITS = 2000;

/**
 * Deletes at once, whatever else is under way with it: an open is undone, a stop is not waited for. The conversation is on the host
 * already, so nothing of it is lost; that of a container which coi made is copied first. Fails with `conflict` when that is not possible.
 */
export async function killSlot(deps: FlowDeps, name: string, signal: AbortSignal): Promise<void> {
  requireSlotName(name);
  const reason = new Failure('cancelled', `The container ${name} was killed.`);
  const overruled = deps.serial.overrule(name, reason);
  try {
    await changing(deps, name, 'stopping', signal, async slot => {
      if (slot.instance.running)
        await handOverWorkspace(deps, slot, codeUser(slot.instance), { milliseconds: KILL_WAITS });
      if (!slot.identity.keyed) {
        await powerOff(deps.incus, name, 0);
        await rescueConversation(deps, slot);
      }
      await destroy(deps.incus, name);
    });
  } catch (error) {
    // What was being opened is gone by then.
    if (!overruled || !(error instanceof Failure) || error.kind !== 'not-found') throw error;
  }
}

function takeAway(
  deps: FlowDeps,
  name: string,
  seconds: number,
  signal: AbortSignal,
  deletes: (slot: OwnedSlot) => boolean,
): Promise<void> {
  return changing(deps, name, 'stopping', signal, async (slot, ended) => {
    const goes = deletes(slot);
    if (goes) await setPhase(deps, name, 'closing');
    try {
      await shutDown(deps, slot, seconds, ended);
      // Cancelled while it shut down: what is left to do is not done.
      if (goes) ended.client.throwIfAborted();
      if (goes) await rescueConversation(deps, slot, ended.any);
    } catch (error) {
      // Given up or not possible: the slot is as before, so no later backend may finish the close.
      if (goes) await setPhase(deps, name, null);
      throw error;
    }
    if (goes) await destroy(deps.incus, name);
  });
}

async function shutDown(deps: FlowDeps, slot: OwnedSlot, seconds: number, ended: Ends): Promise<void> {
  if (!(await settleForStop(deps, slot, seconds > 0, ended.any))) return;
  await handOverWorkspace(deps, slot, codeUser(slot.instance), { signal: ended.any });
  ended.any.throwIfAborted();
  // Nothing takes back what the system inside was asked for, so the slot is stopping until it has stopped.
  await powerOff(deps.incus, slot.name, seconds, ended.kill);
}

/** What ends a change before its time. */
export interface Ends {
  /** Who asked for it gave up. */
  client: AbortSignal;
  /** The slot is killed. */
  kill: AbortSignal;
  any: AbortSignal;
}

/** Does a change of one slot when no other is under way, and shows it as `status` meanwhile, if one is given. */
export function changing(
  deps: FlowDeps,
  name: string,
  status: SlotStatus | undefined,
  signal: AbortSignal,
  work: (slot: OwnedSlot, ended: Ends) => Promise<void>,
): Promise<void> {
  return deps.serial.run(name, async overruled => {
    const ended = { client: signal, kill: overruled, any: AbortSignal.any([signal, overruled]) };
    const slot = await ownedSlot(deps, name, ended.any);
    deps.board.note(name, { transition: status, ...(status === undefined ? {} : { problem: undefined }) });
    try {
      await work(slot, ended);
    } finally {
      await deps.mirror.refresh(name);
      deps.board.note(name, { transition: undefined });
    }
  });
}

/** A full disk makes Incus answer with an error although the value is stored, so a failure here stops nothing. */
export async function setPhase(deps: FlowDeps, name: string, phase: Phase | null): Promise<void> {
  const backend = phase === null ? null : deps.backendKey;
  try {
    await deps.incus.patchInstance(name, { config: slotConfig({ phase, backend }) });
  } catch (error) {
    deps.log.warn(`Noting the phase of ${name} failed: ${messageOf(error)}`);
  }
}
