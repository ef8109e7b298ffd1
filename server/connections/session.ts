import { Failure } from '../base/errors.ts';
import type { ClientSession } from '../flows/context.ts';
import type { ClientRequests, InitializeParams, WorkspaceFolder } from '../protocol/methods.ts';

/** Asks the client something; undefined when it does not know the method. Rejects with a Failure. */
export type AskClient = <M extends keyof ClientRequests>(
  method: M,
  params: ClientRequests[M]['params'],
) => Promise<unknown>;

/** The client's own account of itself, and the way to ask it for more. One per connection. */
export class Session implements ClientSession {
  readonly id: number;
  readonly #ask: AskClient;
  workspaces: readonly WorkspaceFolder[] = [];
  settings: Readonly<Record<string, unknown>> = {};

  constructor(id: number, ask: AskClient) {
    this.id = id;
    this.#ask = ask;
  }

  async secret(name: string): Promise<string | null> {
    const result = await this.#ask('client/secret', { name });
    if (result === undefined) return null;
    if (isRecord(result) && (typeof result.value === 'string' || result.value === null)) return result.value;
    throw new Failure('invalid', 'The client answered client/secret with something else than a value.');
  }

  async environment(names: readonly string[]): Promise<Record<string, string>> {
    if (names.length === 0) return {};
    const result = await this.#ask('client/environment', { names: [...names] });
    if (result === undefined) return {};
    if (!isRecord(result) || !isRecord(result.values))
      throw new Failure('invalid', 'The client answered client/environment with something else than values.');
    const values: Record<string, string> = {};
    for (const name of names) {
      const value = Object.hasOwn(result.values, name) ? result.values[name] : undefined;
      if (typeof value === 'string') values[name] = value;
    }
    return values;
  }
}

/** Validates what `initialize` got. Fails with `invalid`. */
export function parseInitialize(params: unknown): InitializeParams {
  if (!isRecord(params)) throw invalid('initialize needs its parameters.');
  const { protocolVersion, client } = params;
  if (typeof protocolVersion !== 'number') throw invalid('initialize needs protocolVersion, a number.');
  if (!isRecord(client) || typeof client.name !== 'string' || typeof client.version !== 'string')
    throw invalid('initialize needs client {name, version}.');
  const settings = parseSettings(params.settings);
  return {
    protocolVersion,
    client: { name: client.name, version: client.version },
    workspaces: parseWorkspaces(params.workspaces) ?? [],
    ...(settings === undefined ? {} : { settings }),
  };
}

/** Validates what `client/update` got: what is absent stays as it was. Fails with `invalid`. */
export function parseUpdate(params: unknown): { workspaces?: WorkspaceFolder[]; settings?: Record<string, unknown> } {
  if (!isRecord(params)) throw invalid('client/update needs its parameters.');
  const workspaces = parseWorkspaces(params.workspaces);
  const settings = parseSettings(params.settings);
  return { ...(workspaces === undefined ? {} : { workspaces }), ...(settings === undefined ? {} : { settings }) };
}

function parseWorkspaces(value: unknown): WorkspaceFolder[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalid('workspaces must be a list.');
  return value.map((folder: unknown) => {
    if (!isRecord(folder) || typeof folder.path !== 'string' || !folder.path.startsWith('/'))
      throw invalid('Each of workspaces needs an absolute path.');
    // Trust is only ever given by saying so.
    const settings = parseSettings(folder.settings);
    return { path: folder.path, trusted: folder.trusted === true, ...(settings === undefined ? {} : { settings }) };
  });
}

function parseSettings(value: unknown): Record<string, unknown> | undefined {
  if (value === undefined) return undefined;
  if (!isRecord(value)) throw invalid('settings must be an object.');
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): Failure {
  return new Failure('invalid', message);
}
