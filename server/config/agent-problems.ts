import { SECRET_NAME } from '../protocol/secrets.ts';
import type { ConfigProblem } from '../protocol/types.ts';
import { type Check, type Issue, isTable, list, oneOf, table } from './check.ts';
import type { AgentCredentials } from './entries.ts';
import { hostPath, line, VARIABLE } from './forms.ts';
import type { Layer } from './layer.ts';

/** The agents that need no declaration. */
export const BUILT_IN_AGENTS: readonly string[] = ['claude', 'codex', 'opencode', 'gemini', 'shell'];

/** What only an agent of the user's own is asked for. */
const OWN_ALONE = ['command', 'resume_command', 'state_dir'];

const fields = {
  secret: line('a name of letters, digits, "_", "." and "-"', SECRET_NAME),
  variable: line('the name of a variable', VARIABLE),
  names: list(line('the name of a variable', VARIABLE)),
  directory: hostPath(),
};

type Field = Exclude<keyof AgentCredentials, 'source'>;
const FIELDS: readonly Field[] = ['secret', 'variable', 'names', 'directory'];

/** What each source of a login needs, and what it takes besides. */
const SOURCES: Readonly<Record<AgentCredentials['source'], { needs: Field[]; takes?: Field[] }>> = {
  secret: { needs: ['secret', 'variable'] },
  environment: { needs: ['names'] },
  shared: { needs: [], takes: ['directory'] },
  none: { needs: [] },
};

/** `[agents.NAME.credentials]`: the form of each field. Whether they go together is told by `agentProblems`. */
export const agentCredentials: Check = table({ source: oneOf(...Object.keys(SOURCES)), ...fields }, ['source']);

/** What a login still needs with its source, as names of fields; none when it is whole. */
export function loginLacks(login: AgentCredentials): string[] {
  return SOURCES[login.source].needs.filter(name => isEmpty(login[name]));
}

/** What is to say about the declared agents once all layers are known: one may name an agent, and another its command. */
export function agentProblems(layers: readonly Layer[], agents: unknown): ConfigProblem[] {
  return layers
    .filter(layer => !layer.project)
    .flatMap(layer => {
      const entry = layer.entries.get('agents');
      const named = isTable(entry?.value) ? Object.entries(entry.value) : [];
      return named.flatMap(([name, said]) =>
        [...objections(name, said, isTable(agents) ? agents[name] : undefined), ...loginObjections(said)].map(
          ({ path, message }): ConfigProblem => ({
            ...{ path: layer.place.source, line: 1, column: 1 },
            ...entry?.at([name, ...path]),
            severity: 'warning',
            message: `${['agents', name, ...path].join('.')} ${message}.`,
          }),
        ),
      );
    });
}

function objections(name: string, said: unknown, effective: unknown): Issue[] {
  if (BUILT_IN_AGENTS.includes(name)) {
    const why = 'has no effect: this agent is built in. Another program for it is tool.binary';
    return OWN_ALONE.filter(field => isTable(said) && !isEmpty(said[field])).map(field => issue([field], why));
  }
  return isTable(effective) && !isEmpty(effective.command) ? [] : [issue([], "needs 'command': it is no agent yet")];
}

/** Half of a login would be noticed at the next start only, as one that is not there. The other agents can do without it. */
function loginObjections(said: unknown): Issue[] {
  const login = isTable(said) ? (said.credentials as AgentCredentials | undefined) : undefined;
  if (login === undefined) return [];
  const { needs, takes = [] } = SOURCES[login.source];
  const missing = loginLacks(login).map(name => `'${name}'`);
  const idle = FIELDS.filter(name => ![...needs, ...takes].includes(name) && !isEmpty(login[name]));
  const source = `with source = "${login.source}"`;
  return [
    ...(missing.length === 0 ? [] : [issue(['credentials'], `needs ${missing.join(' and ')} ${source}`)]),
    ...idle.map(name => issue(['credentials', name], `does not go ${source}`)),
  ];
}

const issue = (path: string[], message: string): Issue => ({ path, message });
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
