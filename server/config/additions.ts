import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'smol-toml';
import { Failure } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files.ts';
import type { ConfigProblem } from '../protocol/types.ts';
import { isTable } from './check.ts';
import type { TomlDocument } from './document.ts';
import { readDocument } from './files.ts';
import type { Layer } from './layer.ts';
import { readOwn } from './read.ts';
import { specOf } from './schema.ts';
import type { ConfigSources } from './types.ts';

const KEY = 'network.allowed_domains';
const HEAD =
  '# Hosts that you allowed for all slots of a workspace, added to its `[network] allowed_domains`. Incus Agents writes this file.\n\n';

/** The user's own file with what was allowed for single workspaces, by their paths. No workspace can contain it. */
export function additionsFile(home: string): string {
  return join(home, '.coi', 'incus-agents', 'workspaces.toml');
}

/** What was allowed for this workspace, as a layer that adds to what holds without it; and what is wrong with it. */
export async function additionsLayer({
  home,
  workspace,
}: ConfigSources): Promise<{ layers: Layer[]; problems: ConfigProblem[] }> {
  const path = additionsFile(home);
  const { document, problems } = await readDocument({ path, read: () => readOwn(path) });
  const value = document === undefined ? undefined : hostsOf(document, workspace);
  if (document === undefined || value === undefined) return { layers: [], problems };
  const key = keyPath(workspace);
  const issues = specOf(KEY).check.issues(value);
  if (issues.length > 0) {
    const wrong = issues.map((issue): ConfigProblem => {
      const message = `${[KEY, ...issue.path].join('.')} ${issue.message}.`;
      return { path, ...document.at([...key, ...issue.path]), severity: 'error', message };
    });
    return { layers: [], problems: [...problems, ...wrong] };
  }
  const entry = {
    value,
    position: document.at(key),
    at: (part: readonly (string | number)[]) => document.at([...key, ...part]),
  };
  const place = { home, workspace, directory: dirname(path), source: path };
  return { layers: [{ kind: 'file', project: false, adds: true, place, entries: new Map([[KEY, entry]]) }], problems };
}

/**
 * Allows hosts for all slots of a workspace from their next start on; gives all that are allowed so. One after the other, please.
 * Fails with `invalid` for what is no host, and with `config` when the file is broken.
 */
export async function addAllowedHosts(home: string, workspace: string, hosts: readonly string[]): Promise<string[]> {
  const [issue] = specOf(KEY).check.issues(hosts);
  if (issue !== undefined)
    throw new Failure('invalid', `${JSON.stringify(hosts[Number(issue.path[0])])} ${issue.message}.`);
  const path = additionsFile(home);
  const { document, problems } = await readDocument({ path, read: () => readOwn(path) });
  const [problem] = problems;
  if (problem !== undefined) {
    throw new Failure('config', `${path}:${problem.line}: ${problem.message}`, { hint: 'Correct or delete the file.' });
  }
  const before = document === undefined ? undefined : hostsOf(document, workspace);
  const after = [...new Set([...(Array.isArray(before) ? before.map(String) : []), ...hosts])];
  const workspaces = tableOf(document?.table.workspaces);
  const own = tableOf(workspaces[workspace]);
  const network = { ...tableOf(own.network), allowed_domains: after };
  const table = { ...document?.table, workspaces: { ...workspaces, [workspace]: { ...own, network } } };
  // People keep ~/.coi in repositories, by links; the link stays, and what it names is replaced.
  await writeFileAtomic(await realpath(path).catch(() => path), HEAD + stringify(table));
  return after;
}

function hostsOf({ table }: TomlDocument, workspace: string): unknown {
  const workspaces = tableOf(table.workspaces);
  if (!Object.hasOwn(workspaces, workspace)) return undefined;
  return tableOf(tableOf(workspaces[workspace]).network).allowed_domains;
}

function keyPath(workspace: string): string[] {
  return ['workspaces', workspace, 'network', 'allowed_domains'];
}

function tableOf(value: unknown): Record<string, unknown> {
  return isTable(value) ? value : {};
}
