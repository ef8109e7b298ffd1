import { identify } from '../../slots/keys.ts';
import type { Check } from './check.ts';

/** Stopped ephemeral slots take disk space and a number each. */
export const leftovers: Check = {
  id: 'slots.stopped',
  group: 'slots',
  needsIncus: true,
  async run(deps) {
    const stopped = deps.board.instances().filter(i => !i.running && !i.frozen && identify(i)?.persistent === false);
    if (stopped.length === 0) return { status: 'ok', message: 'No stopped ephemeral slot is left over.' };
    const count =
      stopped.length === 1 ? 'One stopped ephemeral slot is' : `${stopped.length} stopped ephemeral slots are`;
    return {
      status: 'warning',
      message: `${count} left over.`,
      detail: stopped.map(i => i.name).join('\n'),
      fix: { title: 'Clean up stopped slots', action: 'clean-up' },
    };
  },
};
