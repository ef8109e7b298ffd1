import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { AGENT_NAME, SESSION_ID } from './record.ts';
import type { SessionRecord } from './types.ts';

const PREFIX = 'sessions-';

/** The directory of a session below `root`. Fails with `invalid` for a name that could lead elsewhere. */
export function sessionDirectory(root: string, agent: string, id: string): string {
  if (!AGENT_NAME.test(agent) || !SESSION_ID.test(id))
    throw new Failure('invalid', `There can be no session "${id.slice(0, 64)}" of an agent "${agent.slice(0, 64)}".`);
  return join(root, `${PREFIX}${agent}`, id);
}

/** The agents that have sessions below `root`. */
export async function agentsIn(root: string): Promise<string[]> {
  return (await directories(root))
    .filter(name => name.startsWith(PREFIX))
    .map(name => name.slice(PREFIX.length))
    .filter(name => AGENT_NAME.test(name));
}

/** The ids of an agent's sessions, readable or not. */
export async function idsIn(root: string, agent: string): Promise<string[]> {
  return (await directories(join(root, `${PREFIX}${agent}`))).filter(name => SESSION_ID.test(name));
}

/** The order of a list: where something happened last comes first. */
export function byActivity(a: SessionRecord, b: SessionRecord): number {
  return lastSign(b).localeCompare(lastSign(a));
}

/** Works on all items, at most `size` at a time, so that a thousand sessions do not open a thousand files. */
export async function inBatches<T, R>(items: readonly T[], size: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += size) results.push(...(await Promise.all(items.slice(i, i + size).map(work))));
  return results;
}

function lastSign(record: SessionRecord): string {
  return [record.savedAt, record.lastActivityAt ?? ''].sort().at(-1) ?? '';
}

async function directories(path: string): Promise<string[]> {
  try {
    return (await readdir(path, { withFileTypes: true })).filter(entry => entry.isDirectory()).map(entry => entry.name);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
