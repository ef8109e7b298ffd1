import * as vscode from 'vscode';
import type { Slot } from '../../server/protocol/types.ts';
import { ExtensionFailure, NothingToDo } from '../model/failures.ts';
import { bringableSlots, bySlot, lastActivity, lastAtWork, ownSlots } from '../model/selectors.ts';
import { ago } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { openWithRemedies } from './launch.ts';
import { forEachSlot } from './several.ts';
import { cancelled, nameOf, slotItem } from './targets.ts';

/** Brings back what ran before the machine or the containers stopped, and agents that are gone. */
export const resumeAll: Command = {
  id: 'incusAgents.resumeAll',
  title: 'Resuming failed',
  needs: 'trust',
  async run(context) {
    const slots = bringableSlots(ownSlots(context.model.slots, context.model.surroundings.folders)).sort(bySlot);
    if (slots.length === 0)
      throw new NothingToDo('There is nothing to resume: no slot holds a session without its agent.');
    const endOf = ({ session = '', agentState }: Slot) => {
      const record = context.model.session(session);
      return record === undefined ? agentState.since : lastActivity(record);
    };
    const before = lastAtWork(slots, endOf);
    const items = slots.map(slot => {
      const item = slotItem(context, slot);
      const ran = slot.interrupted === true ? ['ran when the machine went down'] : [];
      const detail = [item.detail ?? [], `last active ${ago(endOf(slot), Date.now())}`, ran].flat().join(' · ');
      return { ...item, detail, picked: before.includes(slot) };
    });
    const picked = await vscode.window.showQuickPick(items, {
      title: 'Resume All Sessions',
      placeHolder: 'Which agents are to go on?',
      canPickMany: true,
    });
    if (picked === undefined || picked.length === 0) throw cancelled();
    const chosen = picked.map(item => item.slot);
    await forEachSlot(context, chosen, 'resuming', slot => resume(context, slot), true);
  },
};

async function resume(context: CommandContext, slot: Slot): Promise<void> {
  const { workspace, session } = slot;
  if (session === undefined) throw new ExtensionFailure('not-found', `${nameOf(context, slot)} holds no session`);
  await openWithRemedies(context, { workspace, slot: slot.slot, resume: session, background: true });
}
