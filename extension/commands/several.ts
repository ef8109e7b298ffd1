import * as vscode from 'vscode';
import type { Slot } from '../../server/protocol/types.ts';
import { VIEW_ID } from '../ids.ts';
import { throwTogether } from '../model/failures.ts';
import { plural } from '../views/text.ts';
import type { CommandContext } from './command.ts';
import { nameOf } from './targets.ts';

/** How long an act may take before its progress is shown with a way to cancel it (milliseconds). */
const LONG = 2000;

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
  const abort = new AbortController();
  const work = Promise.allSettled(slots.map(slot => actOnOne(context, slot, doing, act, abort.signal)));
  void vscode.window.withProgress({ location: { viewId: VIEW_ID } }, () => work);
  const timer = ownProgress ? undefined : setTimeout(() => showProgress(titleOf(slots, doing), work, abort), LONG);
  const results = await work.finally(() => clearTimeout(timer));
  throwTogether(results, slots.map(nameOf));
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

function showProgress(title: string, work: Promise<unknown>, abort: AbortController): void {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  void vscode.window.withProgress(options, async (_progress, token) => {
    const subscription = token.onCancellationRequested(() => abort.abort());
    await work;
    subscription.dispose();
  });
}

/** "Stopping project slot 1", "Stopping 3 slots". */
function titleOf(slots: readonly Slot[], doing: string): string {
  const [only] = slots;
  const what = slots.length === 1 && only !== undefined ? nameOf(only) : plural(slots.length, 'slot');
  return `${doing.charAt(0).toUpperCase()}${doing.slice(1)} ${what}`;
}
