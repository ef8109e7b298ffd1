import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Where the programs that we start lie: places that root or the system's packages fill. The PATH of the editor does not count, since an
 * activated environment puts directories of a workspace into it, where its agent can write.
 */
const DIRECTORIES = [
  ...['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  ...['/opt/incus/bin', '/snap/bin', '/run/current-system/sw/bin', '/nix/var/nix/profiles/default/bin'],
];

/** These directories as the PATH of what we start. */
export const PROGRAM_PATH = DIRECTORIES.join(':');

/** Where a program is; undefined when it is in none of those places. A path is taken as it is. */
export async function findProgram(name: string): Promise<string | undefined> {
  const places = name.includes('/') ? [name] : DIRECTORIES.map(directory => join(directory, name));
  for (const path of places) {
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}
