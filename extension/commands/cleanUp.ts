import * as vscode from 'vscode';
import type { Slot } from '../../server/protocol/types.ts';
import { NothingToDo } from '../model/failures.ts';
import type { Command } from './command.ts';
import { forEachSlot } from './several.ts';
import { cancelled, slotItem } from './targets.ts';

export const cleanUp: Command = {
  id: 'incusAgents.cleanUp',
  title: 'Cleaning up failed',
  needs: 'backend',
  async run(context) {
    const stopped = context.model.slots.filter(isLeftOver);
    if (stopped.length === 0) throw new NothingToDo('There is no stopped ephemeral slot to clean up.');
    const items = stopped.map(slot => ({ ...slotItem(context, slot), picked: true, detail: slot.container }));
    const picked = await vscode.window.showQuickPick(items, {
      title: 'Clean Up: delete these stopped ephemeral containers',
      placeHolder: 'Workspaces and conversations stay',
      canPickMany: true,
    });
    if (picked === undefined || picked.length === 0) throw cancelled();
    // Another window may have started one while the question was open, and may do so until the backend looks.
    const chosen = picked.map(({ slot }) => context.model.slot(slot.container)).filter(slot => slot !== undefined);
    await forEachSlot(context, chosen.filter(isLeftOver), 'deleting', ({ container }, options) => {
      const params = { container, onlyIfStopped: true };
      return context.backend.request('slot/close', params, options);
    });
  },
};

function isLeftOver(slot: Slot): boolean {
  return !slot.persistent && slot.status === 'stopped';
}
