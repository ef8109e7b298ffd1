import { Failure } from '../base/errors.ts';
import { readUntrusted } from '../base/files.ts';
import { wantedAgents } from './agents.ts';
import { COMPRESSIONS, type Compression, type Recipe } from './types.ts';

/** Bytes that a build script may have. */
const SCRIPT_LIMIT = 1024 * 1024;

/** A recipe that can be followed, with the text of its script. */
export interface CheckedRecipe {
  script?: string;
  compression?: Compression;
}

/** Refuses what cannot work before anything is made. */
export async function checkRecipe(recipe: Recipe): Promise<CheckedRecipe> {
  if (!/^[A-Za-z0-9][\w./-]{0,99}$/.test(recipe.alias)) {
    throw new Failure('invalid', `"${recipe.alias}" cannot be the alias of an image.`, {
      hint: 'Use letters, digits, ".", "_", "-" and "/".',
    });
  }
  wantedAgents(recipe.agents, []);
  const compression = compressionOf(recipe.compression);
  const script = recipe.script === undefined ? undefined : await readScript(recipe.script);
  return {
    ...(script === undefined ? {} : { script }),
    ...(compression === undefined ? {} : { compression }),
  };
}

function compressionOf(name: string | undefined): Compression | undefined {
  if (name === undefined || name === '') return undefined;
  const found = COMPRESSIONS.find(known => known === name);
  if (found !== undefined) return found;
  throw new Failure('config', `The compression "${name}" is not known.`, {
    hint: `"compression" in [container.build] is one of ${COMPRESSIONS.join(', ')}.`,
  });
}

async function readScript(path: string): Promise<string> {
  const text = await readUntrusted(path, SCRIPT_LIMIT);
  if (text !== undefined) return text.toString('utf8');
  throw new Failure('config', `The build script ${path} does not exist.`, {
    hint: 'Mend "script" in [container.build].',
  });
}
