import * as vscode from 'vscode';
import type { Slot } from '../../server/protocol/types.ts';
import { VIEW_ID } from '../ids.ts';
import { ExtensionFailure, failureOf } from '../model/failures.ts';
import type { CommandContext } from './command.ts';
import { nameOf } from './targets.ts';

/** Does something to several slots at once, each marked as pending meanwhile; failures are told together, once. */
export async function forEachSlot(
  context: CommandContext,
  slots: readonly Slot[],
  doing: string,
  act: (slot: Slot) => Promise<unknown>,
): Promise<void> {
  const results = await vscode.window.withProgress({ location: { viewId: VIEW_ID } }, () =>
    Promise.allSettled(slots.map(slot => actOnOne(context, slot, doing, act))),
  );
  const failures = results.flatMap((result, at) => {
    const slot = slots[at];
    return result.status === 'rejected' && slot !== undefined ? [{ slot, reason: result.reason as unknown }] : [];
  });
  throwTogether(failures, slots.length);
}

async function actOnOne(
  context: CommandContext,
  slot: Slot,
  doing: string,
  act: (slot: Slot) => Promise<unknown>,
): Promise<void> {
  const done = context.model.markPending(slot.container, doing);
  try {
    await act(slot);
  } finally {
    done();
  }
}

function throwTogether(failures: readonly { slot: Slot; reason: unknown }[], total: number): void {
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1 && total === 1) throw first.reason;
  const lines = failures.map(({ slot, reason }) => `${nameOf(slot)}: ${failureOf(reason).message}`);
  const { kind, hint } = failureOf(first.reason);
  throw new ExtensionFailure(kind, `${failures.length} of ${total} failed. ${lines.join('; ')}`, hint);
}
