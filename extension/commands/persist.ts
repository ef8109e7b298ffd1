import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';

const SPEC: VerbSpec = {
  verb: 'persist',
  id: 'incusAgents.persist',
  allId: 'incusAgents.persistAll',
  name: 'Make Persistent',
  question: what => `Make ${what} persistent?`,
  doing: 'making persistent',
  needs: 'backend',
  consequence: () => undefined,
};

export const persist = verbCommand(SPEC);
export const persistAll = allCommand(SPEC);
