import { isTable } from './check.ts';
import type {
  AgentCredentials,
  AgentTable,
  CredentialEntry,
  MountEntry,
  PortEntry,
  PromptEntry,
  SocketEntry,
} from './entries.ts';
import { absolute, cleanInside, readPath } from './paths.ts';
import type { Place } from './spec.ts';

type Fields = Record<string, unknown>;

const string = (fields: Fields, name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
const number = (fields: Fields, name: string): number => (typeof fields[name] === 'number' ? fields[name] : 0);
const tables = (raw: unknown): Fields[] => (Array.isArray(raw) ? raw.filter(isTable) : []);
const strings = (raw: unknown): string[] => (Array.isArray(raw) ? raw.filter(one => typeof one === 'string') : []);
const entriesOf = (raw: unknown): [string, unknown][] => (isTable(raw) ? Object.entries(raw) : []);

/** coi takes a relative host path from its own directory, which is the workspace. */
const host = (fields: Fields, place: Place): string =>
  string(fields, 'host') === '' ? '' : absolute(string(fields, 'host'), place.workspace, place.home);
const inside = (fields: Fields): string =>
  string(fields, 'container') === '' ? '' : cleanInside(string(fields, 'container'));

/** `[[mounts]]`, also as `[[mounts.default]]`. */
export function readMounts(raw: unknown, place: Place): MountEntry[] {
  return tables(raw).map(fields => ({
    host: host(fields, place),
    container: inside(fields),
    readonly: fields.readonly === true,
    ...(typeof fields.shift === 'boolean' ? { shift: fields.shift } : {}),
  }));
}

/** `[[sockets]]`. */
export function readSockets(raw: unknown, place: Place): SocketEntry[] {
  return tables(raw).map(fields => ({
    host: host(fields, place),
    container: inside(fields),
    env: string(fields, 'env'),
  }));
}

/** `[[credentials]]`. */
export function readCredentials(raw: unknown, place: Place): CredentialEntry[] {
  return tables(raw).map(fields => ({
    bundle: string(fields, 'bundle'),
    host: host(fields, place),
    container: inside(fields),
    mode: string(fields, 'mode'),
  }));
}

/** `[[ports.map]]`; `listen` stays as written, because approvals are pinned to that. */
export function readPorts(raw: unknown): PortEntry[] {
  return tables(raw).map(fields => ({
    name: string(fields, 'name'),
    container: number(fields, 'container'),
    host: number(fields, 'host'),
    listen: string(fields, 'listen'),
  }));
}

/** `[prompts]`. */
export function readPrompts(raw: unknown, place: Place): Record<string, PromptEntry> {
  return Object.fromEntries(
    entriesOf(raw).map(([name, said]): [string, PromptEntry] =>
      isTable(said) ? [name, { file: readPath(said.file, place) }] : [name, { text: String(said) }],
    ),
  );
}

/** `[agents.NAME]`. */
export function readAgents(raw: unknown, place: Place): Record<string, AgentTable> {
  return Object.fromEntries(
    entriesOf(raw).map(([name, said]): [string, AgentTable] => [name, readAgent(isTable(said) ? said : {}, place)]),
  );
}

function readAgent(fields: Fields, place: Place): AgentTable {
  return {
    command: strings(fields.command),
    resume_command: strings(fields.resume_command),
    state_dir: string(fields, 'state_dir'),
    environment: Object.fromEntries(entriesOf(fields.environment).map(([name, value]) => [name, String(value)])),
    ...(isTable(fields.credentials) ? { credentials: readLogin(fields.credentials, place) } : {}),
  };
}

function readLogin(fields: Fields, place: Place): AgentCredentials {
  const source = fields.source;
  return {
    source: source === 'secret' || source === 'environment' || source === 'shared' ? source : 'none',
    secret: string(fields, 'secret'),
    variable: string(fields, 'variable'),
    names: strings(fields.names),
    directory: readPath(fields.directory, place),
  };
}
