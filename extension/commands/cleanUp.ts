import * as vscode from 'vscode';
import { ExtensionFailure } from '../model/failures.ts';
import type { Command } from './command.ts';
import { forEachSlot } from './several.ts';
import { cancelled, slotItem } from './targets.ts';

export const cleanUp: Command = {
  id: 'incusAgents.cleanUp',
  title: 'Cleaning up failed',
  needs: 'backend',
  async run(context) {
    const stopped = context.model.slots.filter(slot => !slot.persistent && slot.status === 'stopped');
    if (stopped.length === 0) throw new ExtensionFailure('not-found', 'There is no stopped ephemeral slot to clean up');
    const items = stopped.map(slot => ({ ...slotItem(context, slot), picked: true, detail: slot.container }));
    const picked = await vscode.window.showQuickPick(items, {
      title: 'Clean Up: delete these stopped ephemeral containers',
      placeHolder: 'Workspaces and conversations stay',
      canPickMany: true,
    });
    if (picked === undefined || picked.length === 0) throw cancelled();
    await forEachSlot(
      context,
      picked.map(item => item.slot),
      'deleting',
      ({ container }) => context.backend.request('slot/close', { container }),
    );
  },
};
