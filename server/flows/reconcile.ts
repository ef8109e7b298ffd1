import { messageOf } from '../base/errors.ts';
import { IncusError } from '../incus/errors.ts';
import { AT_REST, identify, type SlotIdentity, slotConfig } from '../slots/keys.ts';
import { destroy, powerOff } from '../slots/lifecycle.ts';
import { codeUser } from './code-user.ts';
import type { FlowDeps } from './deps.ts';
import { handOverWorkspace } from './hand-over.ts';
import { notedFormer, restore, sessionIn } from './open/former.ts';
import { readableSession } from './open/session.ts';
import type { OwnedSlot } from './owned.ts';
import { ownedSlot } from './owned.ts';
import { agentRuns } from './screen.ts';
import { settleForStop } from './settle.ts';
import { setPhase } from './stop.ts';

/**
 * Finishes or undoes what a backend that is gone had under way, and what this one could not end because Incus was away, and
 * says so. Nothing that was stopped is started. One slot that cannot be mended does not keep the others.
 */
export async function reconcile(deps: FlowDeps): Promise<void> {
  const halfDone: string[] = [];
  for (const instance of deps.board.instances()) {
    if (deps.serial.has(instance.name)) continue; // What this backend is at work on it ends itself.
    if (await isAbandoned(deps, identify(instance))) halfDone.push(instance.name);
  }
  await Promise.all(halfDone.map(name => deps.serial.run(name, () => mend(deps, name))));
}

/** Whether something is under way that nobody does any more. What is noted under our own key is ours only within `serial`. */
async function isAbandoned(deps: FlowDeps, identity: SlotIdentity | undefined): Promise<boolean> {
  if (identity?.phase === undefined) return false;
  const { backend } = identity;
  return backend === undefined || backend === deps.backendKey || !(await deps.backendAlive(backend));
}

async function mend(deps: FlowDeps, name: string): Promise<void> {
  try {
    const slot = await takeCharge(deps, name);
    if (slot === undefined) return;
    const where = `slot ${slot.identity.slot} of ${slot.identity.workspace}`;
    if (slot.identity.phase === 'closing') await finishClose(deps, slot, where);
    else await undoOrKeep(deps, slot, where);
  } catch (error) {
    const message = `What was under way in the container ${name} was interrupted, and could not be mended: ${messageOf(error)}`;
    deps.message('error', message);
    deps.board.note(name, { problem: { kind: 'internal', message } });
  } finally {
    await deps.mirror.refresh(name);
    deps.board.note(name, { transition: undefined });
  }
}

/**
 * Of several backends that see what was left, one mends it; undefined for the others, and when it has ended well since the list. A close
 * may be finished by several, and Incus would note nothing before the container is down.
 */
async function takeCharge(deps: FlowDeps, name: string): Promise<OwnedSlot | undefined> {
  for (;;) {
    const slot = await ownedSlot(deps, name);
    if (!(await isAbandoned(deps, slot.identity))) return undefined;
    if (slot.identity.phase === 'closing') return slot;
    try {
      await deps.incus.patchInstance(name, { config: slotConfig({ backend: deps.backendKey }) }, { etag: slot.etag });
      return slot;
    } catch (error) {
      // Somebody else took it, or Incus itself has noted something in it.
      if (error instanceof IncusError && error.reason === 'changed') continue;
      // With a full disk Incus says that it failed, although it is stored.
      const now = await ownedSlot(deps, name);
      if (now.identity.backend === deps.backendKey) return now;
      throw error;
    }
  }
}

async function finishClose(deps: FlowDeps, slot: OwnedSlot, where: string): Promise<void> {
  deps.board.note(slot.name, { transition: 'stopping', problem: undefined });
  await powerDown(deps, slot);
  if (slot.identity.persistent) {
    // Only a deletion notes this for a persistent one: it is not finished unasked.
    await setPhase(deps, slot.name, null);
    deps.message('warning', `Deleting ${where} had been interrupted; it is stopped, and was kept.`);
  } else {
    await destroy(deps.incus, slot.name);
    deps.message('warning', `Closing ${where} had been interrupted; it is finished now.`);
  }
}

/** As a stop does it: what root made is handed to the user as long as the container runs. */
async function powerDown(deps: FlowDeps, slot: OwnedSlot): Promise<void> {
  if (await settleForStop(deps, slot, true)) {
    await handOverWorkspace(deps, slot, codeUser(slot.instance));
    await powerOff(deps.incus, slot.name, 10);
  }
}

async function undoOrKeep(deps: FlowDeps, slot: OwnedSlot, where: string): Promise<void> {
  const { name } = slot;
  if (slot.instance.running && (await agentRuns(deps, slot))) {
    await deps.incus.patchInstance(name, { config: AT_REST });
    deps.message('info', `Opening ${where} had been interrupted; its agent runs, so the slot was kept.`);
  } else if (slot.identity.phase === 'opening') {
    await destroy(deps.incus, name);
    deps.message('warning', `Opening ${where} had been interrupted; the half-made container was removed.`);
  } else {
    await powerDown(deps, slot);
    const former = notedFormer(slot.instance.config);
    await restore(deps, name, former);
    if (former !== undefined) await dropBegun(deps, slot.identity.session, sessionIn(former));
    deps.message('warning', `Starting ${where} had been interrupted; the slot was stopped again.`);
  }
}

/** Of a session that the interrupted open began, nothing would be missed; of one that it resumed something would. */
async function dropBegun(deps: FlowDeps, begun: string | undefined, former: string | undefined): Promise<void> {
  if (begun === undefined || begun === former) return;
  const record = await readableSession(deps, begun);
  if (record !== undefined) await deps.sessions.removeEmpty(begun, record.savedAt);
}
