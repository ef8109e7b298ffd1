import * as vscode from 'vscode';
import { nextWaiting, ownSlots } from '../model/selectors.ts';
import type { Command } from './command.ts';

export const goToNextWaiting: Command = {
  id: 'incusAgents.goToNextWaiting',
  title: 'Going to the next waiting agent failed',
  needs: 'trust',
  async run(context) {
    const own = ownSlots(context.model.slots, context.model.surroundings.folders);
    const others = context.model.slots.filter(slot => !own.includes(slot));
    const current = context.terminals.containerOf(vscode.window.activeTerminal);
    const next = nextWaiting(own, others, current);
    if (next === undefined) {
      void vscode.window.setStatusBarMessage('No agent waits for you.', 4000);
      return;
    }
    await context.view.reveal(next.container);
    await context.terminals.open(next.container, 'agent');
  },
};
