import { lstat } from 'node:fs/promises';
import { agentsIn, sessionDirectory } from './listing.ts';
import { readRecord, SESSION_ID, type StoredRecord } from './record.ts';

/** The record of a session of any agent below `root`; undefined when there is none. Fails with `invalid` when it is damaged. */
export async function findRecord(root: string, id: string): Promise<StoredRecord | undefined> {
  if (!SESSION_ID.test(id)) return undefined;
  for (const agent of await agentsIn(root)) {
    const stored = await readRecord(sessionDirectory(root, agent, id), agent, id);
    if (stored !== undefined) return stored;
  }
  return undefined;
}

/** The directory of a session of any agent below `root`, whatever its record is like; undefined when there is none. */
export async function findDirectory(root: string, id: string): Promise<string | undefined> {
  if (!SESSION_ID.test(id)) return undefined;
  for (const agent of await agentsIn(root)) {
    const dir = sessionDirectory(root, agent, id);
    const stat = await lstat(dir).catch(() => undefined);
    if (stat?.isDirectory()) return dir;
  }
  return undefined;
}
