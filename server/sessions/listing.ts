import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../base/errors.ts';
import { AGENT_NAME, readRecord, SESSION_ID } from './record.ts';
import type { DamagedSession, SessionRecord } from './types.ts';

const PREFIX = 'sessions-';

/** The directory of a session below `root`. Fails with `invalid` for a name that could lead elsewhere. */
export function sessionDirectory(root: string, agent: string, id: string): string {
  if (!isSessionName(agent, id))
    throw new Failure('invalid', `There can be no session "${id.slice(0, 64)}" of an agent "${agent.slice(0, 64)}".`);
  return join(root, `${PREFIX}${agent}`, id);
}

/** Whether there can be a session of that name: no other leads anywhere but to its own directory. */
export function isSessionName(agent: string, id: string): boolean {
  return AGENT_NAME.test(agent) && SESSION_ID.test(id);
}

/** The agents that have sessions below `root`. */
export async function agentsIn(root: string): Promise<string[]> {
  return (await directories(root))
    .filter(name => name.startsWith(PREFIX))
    .map(name => name.slice(PREFIX.length))
    .filter(name => AGENT_NAME.test(name));
}

/** Which sessions a list has: of one workspace (exactly), of one agent. */
export interface SessionFilter {
  workspace?: string;
  agent?: string;
}

/** The readable sessions below `root`, the one in which something happened last first; the others are told to `damaged`. */
export async function listRecords(
  root: string,
  filter: SessionFilter,
  damaged: (session: DamagedSession) => void,
): Promise<SessionRecord[]> {
  const found: SessionRecord[] = [];
  for (const agent of filter.agent === undefined ? await agentsIn(root) : [filter.agent]) {
    const records = await inBatches(await idsIn(root, agent), 16, id => readable(root, agent, id, damaged));
    for (const record of records) {
      if (record === undefined || (filter.workspace !== undefined && record.workspace !== filter.workspace)) continue;
      found.push(record);
    }
  }
  return found.sort(byLastSign);
}

async function readable(
  root: string,
  agent: string,
  id: string,
  damaged: (session: DamagedSession) => void,
): Promise<SessionRecord | undefined> {
  const path = sessionDirectory(root, agent, id);
  try {
    return (await readRecord(path, agent, id))?.record;
  } catch (error) {
    damaged({ path, message: messageOf(error) });
    return undefined;
  }
}

async function idsIn(root: string, agent: string): Promise<string[]> {
  if (!AGENT_NAME.test(agent)) return [];
  return (await directories(join(root, `${PREFIX}${agent}`))).filter(name => SESSION_ID.test(name));
}

/** Works on all items, at most `size` at a time, so that a thousand sessions do not open a thousand files. */
export async function inBatches<T, R>(items: readonly T[], size: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += size) results.push(...(await Promise.all(items.slice(i, i + size).map(work))));
  return results;
}

/** The one in which something happened last first. */
export function byLastSign(a: SessionRecord, b: SessionRecord): number {
  return lastSign(b).localeCompare(lastSign(a));
}

/** When something happened in a session: in its conversation, and before there is one when it was opened last. */
function lastSign(record: SessionRecord): string {
  return record.lastActivityAt ?? record.savedAt;
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
