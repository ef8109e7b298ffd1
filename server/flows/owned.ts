import { Failure } from '../base/errors.ts';
import type { Instance } from '../incus/types/instance.ts';
import { identify, type SlotIdentity } from '../slots/keys.ts';
import { parseContainerName } from '../slots/names.ts';
import type { FlowDeps } from './deps.ts';

/** A slot's container as Incus has it now. */
export interface OwnedSlot {
  name: string;
  instance: Instance;
  identity: SlotIdentity;
  etag: string;
}

/**
 * The container of a slot, read from Incus. Fails with `not-found` when there is none of that name, and with `invalid`
 * when it is not ours: nothing else is ever touched.
 */
export async function ownedSlot(deps: FlowDeps, name: string, signal?: AbortSignal): Promise<OwnedSlot> {
  requireSlotName(name);
  await deps.ready(signal);
  const found = await deps.incus.instance(name, signal);
  if (found === undefined) {
    throw new Failure('not-found', `There is no container ${name}.`, { hint: 'Open a slot, or pick one that exists.' });
  }
  const identity = identify(found.instance);
  if (identity === undefined) throw notOurs(name);
  return { name, instance: found.instance, identity, etag: found.etag };
}

/** Fails with `invalid` for what cannot be the name of a slot's container. */
export function requireSlotName(name: string): void {
  if (parseContainerName(name) === undefined) throw notOurs(name);
}

/** A container that runs, as the mirror has it: it may have stopped a moment ago, which Incus says then. */
export type RunningSlot = Omit<OwnedSlot, 'etag'>;

/**
 * As `ownedSlot`, for what needs a container that runs and changes nothing of it: without a request to Incus where the mirror
 * knows that it does. Fails with `conflict` for one that does not.
 */
export async function runningSlot(deps: FlowDeps, name: string, signal?: AbortSignal): Promise<RunningSlot> {
  const seen = deps.board.instance(name);
  const known = seen?.running === true ? identify(seen) : undefined;
  if (seen !== undefined && known !== undefined) {
    await deps.ready(signal);
    return { name, instance: seen, identity: known };
  }
  const slot = await ownedSlot(deps, name, signal);
  if (slot.instance.running) return slot;
  const { frozen } = slot.instance;
  throw new Failure('conflict', `The container ${name} is ${frozen ? 'paused' : 'stopped'}.`, {
    hint: frozen ? 'Unpause the slot first.' : 'Start the slot first.',
  });
}

function notOurs(name: string): Failure {
  return new Failure('invalid', `${JSON.stringify(name)} is not the container of a slot.`, {
    hint: 'Only containers of Incus Agents or coi are handled here.',
  });
}
