import { isTable } from './check.ts';
import { goQuote as q } from './go-quote.ts';
import type { Ask, Place, ProjectRule } from './spec.ts';

/** Most characters of what can be approved: more than that nobody reads, and what is approved is never cut. */
export const MOST_CHARACTERS = 1000;

type AskRule = Extract<ProjectRule, { rule: 'ask' }>;

/** Variables that lead an agent's traffic, and so its login, elsewhere, or make programs load foreign code. */
const REDIRECTING =
  /(_BASE_URL|_API_BASE|_API_URL|_API_HOST|_ENDPOINT(_URL)?(_.*)?|_CUSTOM_HEADERS)$|^(https?|all|ftp)_proxy$|^(NODE_OPTIONS|NODE_EXTRA_CA_CERTS|NODE_TLS_REJECT_UNAUTHORIZED|SSL_CERT_(FILE|DIR)|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|GIT_(SSL|SSH|PROXY|CONFIG|ASKPASS|EXEC).*|LD_.*|BASH_ENV|ENV|PATH|HOME|XDG_CONFIG_.*|CLAUDE_CONFIG_DIR|CODEX_HOME|OPENCODE_CONFIG.*|GEMINI_.*(PATH|HOME|DIR))$/i;

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter(one => typeof one === 'string') : []);
const pairs = (value: unknown): [string, string][] =>
  isTable(value) ? Object.entries(value).map(([name, said]) => [name, String(said)]) : [];

/** Each pair of a table for itself; those that `asks` leaves out are free. */
function perPair(asks: (name: string, said: string) => Ask | undefined): AskRule {
  return {
    rule: 'ask',
    asks: value => pairs(value).flatMap(([name, said]) => asks(name, said) ?? []),
    take: (value, may) =>
      Object.fromEntries(
        pairs(value).filter(([name, said]) => {
          const ask = asks(name, said);
          return ask === undefined || may(ask.line);
        }),
      ),
  };
}

/** The whole value or nothing of it. */
function whole(asks: (value: unknown, current: unknown, place: Place) => Ask[]): AskRule {
  return {
    rule: 'ask',
    asks,
    take: (value, may, current, place) => (asks(value, current, place).every(ask => may(ask.line)) ? value : undefined),
  };
}

const host = (said: string): Ask => ({
  kind: 'host',
  what: `Reach ${q(said)}`,
  line: `host:${q(said)}`,
  coi: false,
});

/** Host variables by name. */
export const askVariables: AskRule = {
  rule: 'ask',
  asks: value => texts(value).map(variable),
  take: (value, may) => texts(value).filter(name => may(variable(name).line)),
};

function variable(name: string): Ask {
  return {
    kind: 'forward-env',
    what: `Read the variable ${name} of your environment`,
    line: `forward-env:${q(name)}`,
    coi: false,
  };
}

/** Literal variables are free, but for those that would lead a login elsewhere. */
export const askRedirects = perPair((name, said) =>
  REDIRECTING.test(name)
    ? {
        kind: 'environment',
        what: `Set ${name} to ${q(said)}`,
        line: `environment:${q(name)}|${q(said)}`,
        coi: false,
      }
    : undefined,
);

/** Commands on the host. */
export const askCommands = perPair((name, said) => ({
  kind: 'env-command',
  what: `Run ${q(said)} on this computer for the variable ${name}`,
  line: `env-command:${q(name)}|${q(said)}`,
  coi: false,
}));

/** Destinations that the list so far does not have. A list that only takes away is free. */
export const askDestinations = whole((value, current) =>
  texts(value)
    .filter(said => !texts(current).includes(said))
    .map(host),
);

/** Presets that are not in force so far. */
export const askPresets = whole((value, current) =>
  texts(value)
    .filter(said => !texts(current).includes(said))
    .map(said => ({
      kind: 'host',
      what: `Reach the hosts of the preset ${q(said)}`,
      line: `preset:${q(said)}`,
      coi: false,
    })),
);

/** Fixed addresses: they say who answers for a name. */
export const askHosts = whole(value =>
  (Array.isArray(value) ? value : []).map((entry: { ip: string; hostnames: string[]; ports: number[] }) => ({
    kind: 'host',
    what: `Let ${entry.ip} answer for ${entry.hostnames.map(q).join(', ')}${entry.ports.length > 0 ? ` on ports ${entry.ports.join(', ')}` : ''}`,
    line: `static-host:${q(entry.ip)}|${entry.hostnames.map(q).join(',')}|${entry.ports.join(',')}`,
    coi: false,
  })),
);

/** The SSH agent. */
export const askSshAgent = whole(value =>
  value === true ? [{ kind: 'ssh-agent', what: 'Use your SSH agent', line: 'ssh-agent:true', coi: false }] : [],
);

/**
 * What slots are made from: an image can hold what the project's agent is not to read, or lack what is to hold it. The one that is in force
 * without the project is free, and no other, though a profile of the user's names it: a name can be guessed.
 */
export const askImage = whole((value, current) =>
  value === current
    ? []
    : [
        {
          kind: 'image',
          what: `Make slots from the image ${q(String(value))}`,
          line: `image:${q(String(value))}`,
          coi: false,
        },
      ],
);

/** Another program in place of the agent. */
export const askBinary = whole(value =>
  value === ''
    ? []
    : [
        {
          kind: 'command',
          what: `Start ${q(String(value))} as the agent`,
          line: `binary:${q(String(value))}`,
          coi: false,
        },
      ],
);
