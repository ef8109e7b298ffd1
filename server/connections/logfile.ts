import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../base/errors.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Appends lines to a file, which becomes `<path>.1` when it is full, so that two of them is all there ever is. A log that
 * cannot be written must not stop the work: then the lines go to standard error.
 */
export function openLogFile(path: string, maxBytes = MAX_BYTES): (line: string) => void {
  let file: number | undefined;
  let size = 0;
  const open = () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const descriptor = openSync(path, 'a', 0o600);
    size = fstatSync(descriptor).size;
    return descriptor;
  };
  const rotate = (descriptor: number) => {
    closeSync(descriptor);
    file = undefined;
    renameSync(path, `${path}.1`);
    return open();
  };
  return line => {
    try {
      file ??= open();
      const bytes = Buffer.from(line);
      if (size > 0 && size + bytes.byteLength > maxBytes) file = rotate(file);
      writeSync(file, bytes);
      size += bytes.byteLength;
    } catch (error) {
      process.stderr.write(`${messageOf(error)}: ${line}`);
    }
  };
}
