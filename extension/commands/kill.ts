import { allCommand, type VerbSpec, verbCommand } from './lifecycle.ts';
import { containersAre, whatStays } from './stays.ts';

const SPEC: VerbSpec = {
  verb: 'kill',
  id: 'incusAgents.kill',
  allId: 'incusAgents.killAll',
  name: 'Kill',
  doing: 'killing',
  needs: 'backend',
  consequence: slots =>
    `${containersAre(slots)} deleted at once, without a shutdown, and what is not yet saved inside is lost. ${whatStays(slots)}`,
};

export const kill = verbCommand(SPEC);
export const killAll = allCommand(SPEC);
