import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from './errors.ts';

/**
 * Replaces a file as a whole: a reader sees the old text or the new one, also after a crash.
 * Not for a directory in which a container can write: there the parent itself can be swapped.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

/**
 * Reads a regular file that a container may have written: the last component is never a followed symlink, never a
 * device or FIFO, and never more than `limit` bytes are read. Gives undefined when there is no such file.
 * Fails with `invalid` for anything else under that name, or when it is larger.
 */
export async function readUntrusted(path: string, limit: number): Promise<Buffer | undefined> {
  const file = await openUntrusted(path);
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new Failure('invalid', `${path} is not a regular file.`);
    if (stat.size > limit)
      throw new Failure('invalid', `${path} has ${stat.size} bytes, more than the ${limit} allowed.`);
    const buffer = Buffer.alloc(stat.size);
    const { bytesRead } = await file.read(buffer, 0, stat.size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function openUntrusted(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw new Failure('invalid', `${path} is a symbolic link, which is not followed.`);
    throw error;
  }
}
