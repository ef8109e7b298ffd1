import type { Command } from './command.ts';
import { nameOf, oneSlot, RUNNING_SLOT } from './targets.ts';

export const showScreen: Command = {
  id: 'incusAgents.showScreen',
  title: 'Showing the screen failed',
  needs: 'backend',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'Show Screen', RUNNING_SLOT);
    const { text } = await context.backend.request('slot/capture', { container: slot.container });
    await context.documents.show(`Screen of ${nameOf(context, slot)}`, text);
  },
};
