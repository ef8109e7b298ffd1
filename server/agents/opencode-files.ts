import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { withDirectory, withFile } from '../base/beneath.ts';
import { DamagedDatabase, type DatabaseFiles } from '../base/sqlite-pages.ts';

/** coi sets XDG_DATA_HOME to `.local/share` in the workspace. */
const DATA = ['.local', 'share', 'opencode'];
export const DATABASE = 'opencode.db';
const LOG = `${DATABASE}-wal`;

/** Where opencode's database lies in a workspace. */
export function databaseIn(workspace: string): string {
  return join(workspace, ...DATA, DATABASE);
}

/** Calls `work` with the database's files; undefined when there is no database. */
export async function withFiles<T>(
  workspace: string,
  work: (files: DatabaseFiles) => Promise<T>,
): Promise<T | undefined> {
  return withFile(workspace, [...DATA, DATABASE], async database => {
    if (!(await database.stat()).isFile()) throw new DamagedDatabase('it is not a regular file');
    const done = await withFile(workspace, [...DATA, LOG], async log => {
      if (!(await log.stat()).isFile()) throw new DamagedDatabase('its log is not a regular file');
      return { value: await work({ database, log }) };
    });
    return done === undefined ? work({ database }) : done.value;
  });
}

/** Fails with `DamagedDatabase` when something is there that is no regular file in directories: a symlink is not a missing file. */
export async function refuseOthers(workspace: string): Promise<void> {
  for (const name of [DATABASE, LOG]) await refuseOther(workspace, [...DATA, name]);
}

async function refuseOther(workspace: string, parts: readonly string[]): Promise<void> {
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    await withDirectory(workspace, parts.slice(0, i), async directory => {
      const stat = await lstat(join(directory, part)).catch(missing);
      if (stat !== undefined && !(last ? stat.isFile() : stat.isDirectory()))
        throw new DamagedDatabase(`${parts.slice(0, i + 1).join('/')} is not a ${last ? 'regular file' : 'directory'}`);
    });
  }
}

/** Says whether the files are what they were. */
export async function stampOf({ database, log }: DatabaseFiles): Promise<string> {
  const stats = [await database.stat({ bigint: true }), await log?.stat({ bigint: true })];
  return stats.map(stat => (stat === undefined ? '' : stamp(stat))).join(' ');
}

function stamp({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}-${size}-${mtimeNs}-${ctimeNs}`;
}

function missing(error: unknown): undefined {
  if (isOfSystem(error) && error.code === 'ENOENT') return undefined;
  throw error;
}

export function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
