import { isTable } from './check.ts';
import type { ConfigKey } from './values.ts';

/** What is shown in place of a value that looks secret. */
export const HIDDEN = '••••••';

const SECRET_NAME =
  /TOKEN|SECRET|PASS(WORD|WD|PHRASE)?$|PASSWORD|API_?KEY|ACCESS_?KEY|PRIVATE|CREDENTIAL|AUTH|COOKIE|(^|_)KEY$|(^|_)PAT$|DSN|CONNECTION_STRING/i;
const SECRET_VALUE =
  /^(sk-|sk_|pk_live|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|ASIA|AIza|ya29\.|npm_|hf_|eyJ[\w-]+\.)|-----BEGIN|:\/\/[^/\s:@]*:[^/\s@]+@|\bBearer\s+\S|(^|\s)--?(password|token|api-key)[= ]\S/i;
/** Letters and digits in one piece, as keys have and words have not. */
const RANDOM = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/_=-]{32,}$/;

const VARIABLES: ReadonlySet<ConfigKey> = new Set(['defaults.environment', 'defaults.env_commands']);

/** Whether a variable's value has to stay hidden, by its name or by its look. */
export function looksSecret(name: string, value: string): boolean {
  if (value === '') return false;
  return SECRET_NAME.test(name) || SECRET_VALUE.test(value) || RANDOM.test(value);
}

/** The value of a key as it may be shown. */
export function redact(key: ConfigKey, value: unknown): unknown {
  if (VARIABLES.has(key)) return hideVariables(value);
  if (key !== 'agents' || !isTable(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, agent]) => [
      name,
      isTable(agent) ? { ...agent, environment: hideVariables(agent.environment) } : agent,
    ]),
  );
}

function hideVariables(value: unknown): unknown {
  if (!isTable(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, said]) => [name, looksSecret(name, String(said)) ? HIDDEN : said]),
  );
}
