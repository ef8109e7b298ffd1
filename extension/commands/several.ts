import type { Slot } from '../../server/protocol/types.ts';
import { throwTogether } from '../model/failures.ts';
import { plural } from '../views/text.ts';
import type { CommandContext } from './command.ts';
import { withLateProgress } from './progress.ts';
import { nameOf } from './targets.ts';

/** What is done to one slot; `signal` aborts when the user cancels. */
export type Act = (slot: Slot, options: { signal: AbortSignal }) => Promise<unknown>;

/**
 * Does something to several slots at once, each marked as pending meanwhile; failures are told together, once. What takes long can be
 * cancelled, unless the act shows a progress of its own.
 */
export async function forEachSlot(
  context: CommandContext,
  slots: readonly Slot[],
  doing: string,
  act: Act,
  ownProgress = false,
): Promise<void> {
  const onAll = ({ signal }: { signal: AbortSignal }) =>
    Promise.allSettled(slots.map(slot => actOnOne(context, slot, doing, act, signal)));
  const results = ownProgress
    ? await onAll(new AbortController())
    : await withLateProgress(titleOf(context, slots, doing), context.log, onAll);
  throwTogether(
    results,
    slots.map(slot => nameOf(context, slot)),
  );
}

async function actOnOne(
  context: CommandContext,
  slot: Slot,
  doing: string,
  act: Act,
  signal: AbortSignal,
): Promise<void> {
  const done = context.model.markPending(slot.container, doing);
  try {
    await act(slot, { signal });
  } finally {
    done();
  }
}

/** "Stopping project slot 1", "Stopping 3 slots". */
function titleOf(context: CommandContext, slots: readonly Slot[], doing: string): string {
  const [only] = slots;
  const what = slots.length === 1 && only !== undefined ? nameOf(context, only) : plural(slots.length, 'slot');
  return `${doing.charAt(0).toUpperCase()}${doing.slice(1)} ${what}`;
}
