import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import type { BuildScripts } from './types.ts';

/** Reads the build scripts (*.sh) of a directory: media/image of the extension. */
export async function readBuildScripts(directory: string): Promise<BuildScripts> {
  const names = (await readdir(directory)).filter(name => name.endsWith('.sh'));
  if (!names.includes('run.sh')) throw new Failure('internal', `There are no image build scripts in ${directory}.`);
  return new Map(
    await Promise.all(
      names.map(async name => [name, await readFile(join(directory, name), 'utf8')] as [string, string]),
    ),
  );
}
