import type { Slot } from '../../server/protocol/types.ts';
import type { CommandContext } from './command.ts';
import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

/** Closing deletes ephemeral containers, so it asks while something runs in one, unless the user turned that off. */
function consequence(slots: readonly Slot[], context: CommandContext): string | undefined {
  const lost = slots.some(slot => !slot.persistent && slot.status !== 'stopped');
  if (slots.length === 1 && (!lost || !context.settings.confirmClose())) return undefined;
  if (slots.every(slot => !slot.persistent)) return `${containers(slots)} deleted. ${STAYS}`;
  return `Ephemeral containers are deleted, persistent ones are kept. ${STAYS}`;
}

function containers(slots: readonly Slot[]): string {
  return slots.length === 1 ? 'The container is' : 'The containers are';
}

const STAYS = 'The workspace and the conversation stay.';

const SPEC: VerbSpec = {
  verb: 'close',
  id: 'incusAgents.close',
  allId: 'incusAgents.closeAll',
  name: 'Close',
  doing: 'closing',
  needs: 'backend',
  consequence,
};

export const close = verbCommand(SPEC);
export const closeAll = allCommand(SPEC);
