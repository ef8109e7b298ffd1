import { join } from 'node:path';
import { Failure } from './errors.ts';
import { printable } from './log.ts';
import { quote } from './shell.ts';

const REFUSED = new Set(['EACCES', 'EPERM', 'EROFS']);
/** What also says that there is no space: no watcher to be had. */
const WATCHING = 'watch';
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * What to tell of a file of this computer that the system does not let us have, or write for want of space; undefined for any other error.
 * `home` is the user's.
 */
export function fileFailure(error: unknown, home: string): Failure | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : undefined;
  const known = { detail: error.message, cause: error };
  const syscall = 'syscall' in error ? error.syscall : undefined;
  if (FULL.has(error.code) && syscall !== WATCHING)
    return new Failure(
      'unavailable',
      `The disk is full, so that ${path === undefined ? 'a file' : printable(path)} could not be written.`,
      {
        hint: 'Free some space: `df -h` shows where it is missing.',
        ...known,
      },
    );
  if (!REFUSED.has(error.code) || path === undefined) return undefined;
  return new Failure('permission', `You may not use ${printable(path)}.`, {
    hint: wayOut(error.code, path, home),
    ...known,
  });
}

function wayOut(code: string, path: string, home: string): string {
  if (code === 'EROFS') return 'The file system that it is on can only be read: see why in `mount`, or in `dmesg`.';
  if (code === 'EPERM')
    return `Something keeps it from being changed: \`lsattr -d ${printable(quote(path))}\` shows flags.`;
  const ours = join(home, '.coi');
  const own = path === ours || path.startsWith(`${ours}/`);
  return own
    ? 'Make it yours again: `sudo chown -R "$USER" ~/.coi`.'
    : `See whose it is: \`ls -ld ${printable(quote(path))}\``;
}
