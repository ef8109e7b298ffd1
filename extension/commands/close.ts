import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';
import { closingConsequence } from './stays.ts';

const SPEC: VerbSpec = {
  verb: 'close',
  id: 'incusAgents.close',
  allId: 'incusAgents.closeAll',
  name: 'Close',
  doing: 'closing',
  needs: 'backend',
  // Closing deletes ephemeral containers, so it asks, unless the user turned that off.
  consequence: (slots, context) => closingConsequence(slots, context.settings.confirmClose()),
};

export const close = verbCommand(SPEC);
export const closeAll = allCommand(SPEC);
