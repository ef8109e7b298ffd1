import type { Slot } from '../../server/protocol/types.ts';
import type { CommandContext } from './command.ts';
import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';
import { containersAre, whatStays } from './stays.ts';

/** Closing deletes ephemeral containers, so it asks, unless the user turned that off. */
function consequence(slots: readonly Slot[], context: CommandContext): string | undefined {
  const lost = slots.some(slot => !slot.persistent);
  if (slots.length === 1 && (!lost || !context.settings.confirmClose())) return undefined;
  if (slots.every(slot => !slot.persistent)) return `${containersAre(slots)} deleted. ${whatStays(slots)}`;
  return `Ephemeral containers are deleted, persistent ones are kept. ${whatStays(slots)}`;
}

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
