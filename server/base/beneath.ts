import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRefused } from './errors.ts';

/**
 * Reading below a directory in which a container can write: every step is opened by itself without following symlinks
 * and the next one is looked up from the open directory, so that nothing can be swapped between a check and its use.
 */

/** A regular file below a root. */
export interface FoundFile {
  /** Its path from the root, as names. */
  parts: string[];
  modifiedMs: number;
  size: number;
}

export interface FindOptions {
  /** How many directories deep; 0 is the directory itself. */
  depth: number;
  /** Whether a file's name is wanted. */
  accept(name: string): boolean;
  /** After so many entries the search ends with what it has; default 4000. */
  limit?: number;
  /** Told of each directory that may not be read. */
  refused?(parts: readonly string[]): void;
}

/**
 * The regular files below `root/parts`; nothing when that is no directory. Symlinks are neither followed nor listed. What may not be read is
 * left out: root inside a container can make it so, and it hides nothing beside it.
 */
export async function filesBeneath(root: string, parts: readonly string[], o: FindOptions): Promise<FoundFile[]> {
  const search: Search = { ...o, budget: { left: o.limit ?? 4000 }, found: [] };
  await readable([...parts], search, async () => {
    await withDirectory(root, parts, path => collect(path, [...parts], o.depth, search));
  });
  return search.found;
}

/**
 * Reads at most `limit` bytes of a regular file below `root`; `end` takes the last ones instead of the first ones.
 * Gives undefined when there is no regular file of that path, or when it may not be read.
 */
export async function readBeneath(
  root: string,
  parts: readonly string[],
  limit: number,
  end = false,
): Promise<Buffer | undefined> {
  return orRefused(() => withFile(root, parts, file => readOpen(file, limit, end)));
}

/** Gives `take` a regular file below `root` piece by piece, until it returns true or `limit` bytes were read; nothing of one that may not be read. */
export async function scanBeneath(
  root: string,
  parts: readonly string[],
  limit: number,
  take: (piece: Buffer) => boolean,
): Promise<void> {
  await orRefused(() => withFile(root, parts, file => scanOpen(file, limit, take)));
}

async function scanOpen(file: FileHandle, limit: number, take: (piece: Buffer) => boolean): Promise<void> {
  if (!(await file.stat()).isFile()) return;
  for (let at = 0; at < limit; ) {
    const piece = Buffer.alloc(Math.min(PIECE, limit - at));
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0 || take(piece.subarray(0, bytesRead))) return;
    at += bytesRead;
  }
}

const PIECE = 64 * 1024;

/**
 * Calls `work` with a file below `root`, open for reading; gives undefined without calling it when there is none of that path. It can be
 * anything but a symlink or a directory's part of one: `work` has to look.
 */
export async function withFile<T>(
  root: string,
  parts: readonly string[],
  work: (file: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  const name = parts.at(-1);
  if (name === undefined) return undefined;
  return withDirectory(root, parts.slice(0, -1), async path => {
    const file = await openStep(join(path, name), 0);
    if (file === undefined) return undefined;
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  });
}

/**
 * Calls `work` with a path that stands for the open directory `root/parts`; gives undefined without calling it when one
 * of the parts is no directory. The path is good until `work` has ended.
 */
export async function withDirectory<T>(
  root: string,
  parts: readonly string[],
  work: (path: string) => Promise<T>,
): Promise<T | undefined> {
  let directory = await openStep(root, constants.O_DIRECTORY, true);
  try {
    for (const part of parts) {
      if (directory === undefined || part === '' || part === '.' || part === '..' || part.includes('/'))
        return undefined;
      const next: FileHandle | undefined = await openStep(join(handlePath(directory), part), constants.O_DIRECTORY);
      await directory.close();
      directory = next;
    }
    return directory === undefined ? undefined : await work(handlePath(directory));
  } finally {
    await directory?.close();
  }
}

/** A search that is under way. */
interface Search extends FindOptions {
  budget: { left: number };
  found: FoundFile[];
}

async function collect(path: string, parts: string[], depth: number, search: Search): Promise<void> {
  // Read as it is gone through: a container can put any number of names into a directory.
  for await (const entry of await opendir(path, { bufferSize: 256 })) {
    if (search.budget.left-- <= 0) return;
    const inside = [...parts, entry.name];
    if (entry.isDirectory() && depth > 0)
      await readable(inside, search, async () => {
        await withDirectory(path, [entry.name], next => collect(next, inside, depth - 1, search));
      });
    if (!entry.isFile() || !search.accept(entry.name)) continue;
    const stat = await lstat(join(path, entry.name)).catch(absent);
    if (stat?.isFile()) search.found.push({ parts: inside, modifiedMs: stat.mtimeMs, size: stat.size });
  }
}

async function readable(parts: readonly string[], search: Search, work: () => Promise<void>): Promise<void> {
  if ((await orRefused(async () => [await work()])) === undefined) search.refused?.(parts);
}

async function orRefused<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isRefused(error)) return undefined;
    throw error;
  }
}

async function readOpen(file: FileHandle, limit: number, end: boolean): Promise<Buffer | undefined> {
  const stat = await file.stat();
  if (!stat.isFile()) return undefined;
  const size = Math.min(stat.size, limit);
  const buffer = Buffer.alloc(size);
  const { bytesRead } = await file.read(buffer, 0, size, end ? stat.size - size : 0);
  return buffer.subarray(0, bytesRead);
}

function handlePath(directory: FileHandle): string {
  return `/proc/self/fd/${directory.fd}`;
}

/** O_NONBLOCK: opening a FIFO would wait for a writer. */
async function openStep(path: string, flags: number, follow = false): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags | constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW));
  } catch (error) {
    return absent(error);
  }
}

function absent(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') return undefined;
  throw error;
}
