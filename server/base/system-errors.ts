import { join } from 'node:path';
import { Failure } from './errors.ts';

const REFUSED = new Set(['EACCES', 'EPERM', 'EROFS']);
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * What to tell of a file of this computer that the system does not let us have, or write for want of space; undefined for any other error.
 * `home` is the user's.
 */
export function fileFailure(error: unknown, home: string): Failure | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : undefined;
  const known = { detail: error.message, cause: error };
  if (FULL.has(error.code))
    return new Failure('unavailable', `The disk is full, so that ${path ?? 'a file'} could not be written.`, {
      hint: 'Free some space: `df -h` shows where it is missing.',
      ...known,
    });
  if (!REFUSED.has(error.code) || path === undefined) return undefined;
  const ours = join(home, '.coi');
  const own = path === ours || path.startsWith(`${ours}/`);
  return new Failure('permission', `You may not use ${path}.`, {
    hint: own ? 'Make it yours again: `sudo chown -R "$USER" ~/.coi`.' : `See whose it is: \`ls -ld\` ${path}`,
    ...known,
  });
}
