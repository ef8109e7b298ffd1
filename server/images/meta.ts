import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files.ts';
import type { Log } from '../base/log.ts';
import type { BuildDeps } from './types.ts';

/** When an image was built and from what, as in coi's file. */
export interface ImageMeta {
  /** RFC 3339. */
  built_at: string;
  base_image: string;
}

/**
 * Notes a build in ~/.coi/image-meta.json, which coi reads too. What else is in there stays. Never fails, as the image is there by then:
 * what could not be written is told in the log.
 */
export async function noteBuild(
  { home, log, serial }: Pick<BuildDeps, 'home' | 'log' | 'serial'>,
  alias: string,
  meta: ImageMeta,
): Promise<void> {
  const path = join(home, '.coi', 'image-meta.json');
  const write = async () => {
    const all = await readMeta(path, log);
    all[alias] = meta;
    await writeFileAtomic(path, `${JSON.stringify(all, null, 2)}\n`);
  };
  await serial.run(path, write).catch((error: unknown) => {
    log.warn(`The image ${alias} was built; noting that failed: ${messageOf(error)}`);
  });
}

/** A broken file counts as empty and is written anew, which the log says; one that cannot be read is left alone. */
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
