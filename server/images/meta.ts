import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/files.ts';
import type { Log } from '../base/log.ts';

/** When an image was built and from what, as in coi's file. */
export interface ImageMeta {
  /** RFC 3339. */
  built_at: string;
  base_image: string;
}

/** Notes a build in ~/.coi/image-meta.json, which coi reads too. What else is in there stays. */
export async function noteBuild(home: string, alias: string, meta: ImageMeta, log: Log): Promise<void> {
  const path = join(home, '.coi', 'image-meta.json');
  const all = await readMeta(path, log);
  all[alias] = meta;
  await writeFileAtomic(path, `${JSON.stringify(all, null, 2)}\n`);
}

/** A broken file counts as empty, so that a build of half an hour does not fail at its last step; the log says so. */
async function readMeta(path: string, log: Log): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    log.warn(`${path} holds no object and is written anew.`);
  } catch (error) {
    if (error instanceof SyntaxError) log.warn(`${path} is no JSON and is written anew: ${error.message}`);
    else if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  return {};
}
