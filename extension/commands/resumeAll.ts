import * as vscode from 'vscode';
import { ExtensionFailure } from '../model/failures.ts';
import { ownSlots } from '../model/selectors.ts';
import type { Command } from './command.ts';
import { openWithRemedies } from './launch.ts';
import { forEachSlot } from './several.ts';
import { cancelled, nameOf, slotItem } from './targets.ts';

/** Brings back what ran before the machine or the container stopped: every stopped slot that holds a session. */
export const resumeAll: Command = {
  id: 'incusAgents.resumeAll',
  title: 'Resuming failed',
  needs: 'trust',
  async run(context) {
    const stopped = ownSlots(context.model.slots, context.model.surroundings.folders).filter(
      slot => slot.status === 'stopped' && slot.session !== undefined,
    );
    if (stopped.length === 0) throw new ExtensionFailure('not-found', 'No stopped slot holds a session');
    const items = stopped.map(slot => ({ ...slotItem(context, slot), picked: true }));
    const picked = await vscode.window.showQuickPick(items, { title: 'Resume All', canPickMany: true });
    if (picked === undefined || picked.length === 0) throw cancelled();
    const chosen = picked.map(item => item.slot);
    await forEachSlot(context, chosen, 'resuming', async slot => {
      const { workspace, session } = slot;
      if (session === undefined) throw new ExtensionFailure('not-found', `${nameOf(slot)} holds no session`);
      await openWithRemedies(context, { workspace, slot: slot.slot, resume: session, background: true });
    });
  },
};
