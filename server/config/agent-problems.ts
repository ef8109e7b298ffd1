import { SECRET_NAME } from '../protocol/secrets.ts';
import type { ConfigProblem } from '../protocol/types.ts';
import { type Check, type Issue, isTable, list, oneOf, table } from './check.ts';
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

/** What each source of a login needs, and what it takes besides. */
const SOURCES: Readonly<Record<string, { needs: string[]; takes?: string[] }>> = {
  secret: { needs: ['secret', 'variable'] },
  environment: { needs: ['names'] },
  shared: { needs: [], takes: ['directory'] },
  none: { needs: [] },
};

const form = table({ source: oneOf(...Object.keys(SOURCES)), ...fields }, ['source']);

/** `[agents.NAME.credentials]`: half of one would be noticed at the next start only, as a login that is not there. */
export const agentCredentials: Check = {
  json: form.json,
  issues(raw) {
    const issues = form.issues(raw);
    if (issues.length > 0 || !isTable(raw)) return issues;
    const source = String(raw.source);
    const { needs, takes = [] } = SOURCES[source] ?? { needs: [] };
    const missing = needs.filter(name => isEmpty(raw[name])).map(name => `'${name}'`);
    const idle = Object.keys(fields).filter(name => ![...needs, ...takes].includes(name) && !isEmpty(raw[name]));
    return [
      ...(missing.length === 0 ? [] : [issue([], `needs ${missing.join(' and ')} with source = "${source}"`)]),
      ...idle.map(name => issue([name], `does not go with source = "${source}"`)),
    ];
  },
};

/** What is to say about the declared agents once all layers are known: one may name an agent, and another its command. */
export function agentProblems(layers: readonly Layer[], agents: unknown): ConfigProblem[] {
  return layers
    .filter(layer => !layer.project)
    .flatMap(layer => {
      const entry = layer.entries.get('agents');
      const named = isTable(entry?.value) ? Object.entries(entry.value) : [];
      return named.flatMap(([name, said]) =>
        objections(name, said, isTable(agents) ? agents[name] : undefined).map(
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

const issue = (path: string[], message: string): Issue => ({ path, message });
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
