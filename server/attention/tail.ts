import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** A read takes at most this much of the end of the file. Bytes. */
const MAX_READ = 64 * 1024;

/** Reads what was appended to a file that a container writes. A file that was replaced or cut is read from its start. */
export class Tail {
  readonly #path: string;
  /** Which file it was: inodes are given again at once. */
  #file = '';
  #offset = 0;

  /** The directory of the file is the host's own. */
  constructor(path: string) {
    this.#path = path;
  }

  /** The whole lines that came since the last call, `fromStart` those of the first one. */
  async read(): Promise<string> {
    const file = await open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(absent);
    if (file === undefined) {
      this.#file = '';
      return '';
    }
    try {
      const stat = await file.stat({ bigint: true });
      if (!stat.isFile()) return '';
      const size = Number(stat.size);
      const which = `${stat.ino} ${stat.birthtimeNs}`;
      if (which !== this.#file || size < this.#offset) this.#offset = 0;
      this.#file = which;
      const from = Math.max(this.#offset, size - MAX_READ);
      const buffer = Buffer.alloc(size - from);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
      const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
      this.#offset = from + end;
      return buffer.toString('utf8', 0, end);
    } finally {
      await file.close();
    }
  }
}

function absent(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO' || code === 'ENOTDIR') return undefined;
  throw error;
}
