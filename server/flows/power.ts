import { Failure } from '../base/errors.ts';
import { slotConfig } from '../slots/keys.ts';
import type { FlowDeps } from './deps.ts';
import { storedSession } from './open/session.ts';
import { ownedSlot } from './owned.ts';
import { changing } from './stop.ts';

/** Freezes every process of a slot; what it holds in memory stays. */
export function pauseSlot(deps: FlowDeps, name: string, signal: AbortSignal): Promise<void> {
  return deps.serial.run(name, async () => {
    const slot = await ownedSlot(deps, name, signal);
    if (!slot.instance.running && !slot.instance.frozen) {
      throw new Failure('conflict', `The container ${name} is stopped.`, {
        hint: 'Only a running slot can be paused.',
      });
    }
    await deps.incus.setState(name, 'freeze', { signal });
    await deps.mirror.refresh(name);
  });
}

/** Lets a paused slot go on. One that runs already is a success; a stopped one is not started. */
export function unpauseSlot(deps: FlowDeps, name: string, signal: AbortSignal): Promise<void> {
  return deps.serial.run(name, async () => {
    const slot = await ownedSlot(deps, name, signal);
    if (slot.instance.running) return;
    if (!slot.instance.frozen) {
      throw new Failure('conflict', `The container ${name} is stopped.`, { hint: 'Start the slot instead.' });
    }
    await deps.incus.setState(name, 'unfreeze', { signal });
    await deps.mirror.refresh(name);
  });
}

/** Keeps the container when its session is closed from now on. */
export function persistSlot(deps: FlowDeps, name: string, signal: AbortSignal): Promise<void> {
  return changing(deps, name, undefined, signal, async ({ identity }) => {
    await deps.incus.patchInstance(name, { config: slotConfig({ persistent: true }) }, { signal });
    const record = await storedSession(deps, identity.session);
    if (record !== undefined) await deps.sessions.update(record.id, { persistent: true });
  });
}
