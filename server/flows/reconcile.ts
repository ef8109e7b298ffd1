import { messageOf } from '../base/errors.ts';
import { identify, slotConfig } from '../slots/keys.ts';
import { destroy, powerOff } from '../slots/lifecycle.ts';
import { clearStale } from '../workspace/protection/stale.ts';
import type { FlowDeps } from './deps.ts';
import type { OwnedSlot } from './owned.ts';
import { ownedSlot } from './owned.ts';
import { agentRuns } from './screen.ts';
import { settleForStop } from './settle.ts';
import { finishClose } from './stop.ts';

/**
 * Finishes or undoes what a backend that is gone had under way, and says so. Nothing that was stopped is started.
 * Failures are logged and shown: one slot that cannot be mended must not keep the others.
 */
export async function reconcile(deps: FlowDeps): Promise<void> {
  const halfDone: string[] = [];
  for (const instance of deps.board.instances()) {
    const identity = identify(instance);
    if (identity?.phase === undefined || deps.serial.has(instance.name)) continue;
    if (await isAlive(deps, identity.backend)) continue;
    halfDone.push(instance.name);
  }
  await Promise.all(halfDone.map(name => mend(deps, name)));
  await clearProtection(deps);
}

/** Clears flags and placeholders of slots whose end nobody saw, as after a crash of the host. */
async function clearProtection(deps: FlowDeps): Promise<void> {
  try {
    const { stale } = await clearStale(deps.incus);
    if (stale.length > 0) deps.log.warn(`The protections of ${stale.join(', ')} could not be cleared.`);
  } catch (error) {
    deps.log.error(`Clearing what slots left protected failed: ${messageOf(error)}`);
  }
}

async function isAlive(deps: FlowDeps, backend: string | undefined): Promise<boolean> {
  // Under our own key only an earlier life of ours can have left something: this one is listed in `serial`.
  return backend !== undefined && backend !== deps.backendKey && (await deps.backendAlive(backend));
}

async function mend(deps: FlowDeps, name: string): Promise<void> {
  try {
    const slot = await ownedSlot(deps, name);
    const where = `slot ${slot.identity.slot} of ${slot.identity.workspace}`;
    if (slot.identity.phase === 'closing') {
      await finishClose(deps, slot);
      deps.message('warning', `Closing ${where} had been interrupted; it is finished now.`);
    } else if (slot.identity.phase !== undefined) {
      await undoOrKeep(deps, slot, where);
    }
  } catch (error) {
    deps.log.error(`Mending ${name} failed: ${messageOf(error)}`);
    deps.board.note(name, {
      problem: {
        kind: 'internal',
        message: `What was under way here was interrupted, and could not be mended: ${messageOf(error)}`,
      },
    });
  }
}

async function undoOrKeep(deps: FlowDeps, slot: OwnedSlot, where: string): Promise<void> {
  const { name } = slot;
  if (slot.instance.running && (await agentRuns(deps, slot))) {
    await deps.incus.patchInstance(name, { config: slotConfig({ phase: null, backend: null }) });
    deps.message('info', `Opening ${where} had been interrupted; its agent runs, so the slot was kept.`);
  } else if (slot.identity.phase === 'opening') {
    await destroy(deps.incus, name);
    deps.message('warning', `Opening ${where} had been interrupted; the half-made container was removed.`);
  } else {
    if (await settleForStop(deps, slot, true)) await powerOff(deps.incus, name, 10);
    await deps.incus.patchInstance(name, { config: slotConfig({ phase: null, backend: null }) });
    deps.message('warning', `Starting ${where} had been interrupted; the slot was stopped again.`);
  }
  await deps.mirror.refresh(name);
}
