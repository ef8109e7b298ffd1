import { Socket } from 'node:net';
import { codeOf } from './errors.ts';

type Done = (error?: Error | null) => void;

/**
 * A connection that is read to its end though nothing can be written any more. Incus sends the last output and closes at once; an
 * answer to one of its pings then fails, and Node would drop what has come but was not read yet.
 */
export class LastingSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    super._write(chunk, encoding, tolerant(done));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Done): void {
    super._writev?.(chunks, tolerant(done));
  }
}

/** The end of the connection is seen by its reader. */
function tolerant(done: Done): Done {
  return error => {
    const code = codeOf(error);
    done(code === 'EPIPE' || code === 'ECONNRESET' ? null : error);
  };
}
