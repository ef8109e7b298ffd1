import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';
import { containersAre, whatStays } from './stays.ts';

const SPEC: VerbSpec = {
  verb: 'delete',
  id: 'incusAgents.delete',
  allId: 'incusAgents.deleteAll',
  name: 'Delete',
  doing: 'deleting',
  needs: 'backend',
  consequence: slots => {
    const kept = slots.length > 1 && slots.some(slot => slot.persistent) ? ', persistent ones too' : '';
    return `${containersAre(slots)} deleted${kept}, with what was installed inside. ${whatStays(slots)}`;
  },
};

export const deleteSlot = verbCommand(SPEC);
export const deleteAll = allCommand(SPEC);
