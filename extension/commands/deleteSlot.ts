import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

const SPEC: VerbSpec = {
  verb: 'delete',
  id: 'incusAgents.delete',
  allId: 'incusAgents.deleteAll',
  name: 'Delete',
  doing: 'deleting',
  needs: 'backend',
  consequence: () =>
    'The container and everything in it besides the workspace is deleted, also if it is persistent. The conversation stays.',
};

export const deleteSlot = verbCommand(SPEC);
export const deleteAll = allCommand(SPEC);
