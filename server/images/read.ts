import { readFile } from 'node:fs/promises';

/** The text of a file of the host's own configuration; "" when there is none or it is not for us to read. */
export async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'EISDIR') return '';
    throw error;
  }
}
