import { constants } from 'node:fs';
import { open, readlink } from 'node:fs/promises';

/** Bytes that a file may have; a bundle of certificates has a quarter of a million. */
const LIMIT = 4 * 1024 * 1024;

/** Gives the text of a file of the host's own configuration; "" when there is none or it is not for us to read. */
export type Read = (path: string) => Promise<string>;

/**
 * Reads what the user or the machine's owner wrote. Links are followed, because people keep their configuration in repositories; what
 * then lies in `workspace` may be an agent's, so it counts as not there, and `refused` is told its path.
 */
export function hostReader(workspace?: string, refused: (path: string) => void = () => {}): Read {
  return async path => {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(ignoreAbsent);
    if (file === undefined) return '';
    try {
      const stat = await file.stat();
      // The open file itself, so that nothing can be put in its place after the look.
      const real = await readlink(`/proc/self/fd/${file.fd}`);
      if (workspace !== undefined && `${real}/`.startsWith(`${workspace.replace(/\/$/, '')}/`)) {
        refused(path);
        return '';
      }
      return stat.isFile() && stat.size <= LIMIT ? await file.readFile('utf8') : '';
    } finally {
      await file.close();
    }
  };
}

function ignoreAbsent(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENXIO', 'EISDIR'].includes(code)) return;
  throw error;
}
