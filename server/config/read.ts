import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';

/** Bytes that a configuration file may have: the worst of that size is parsed in half a second. */
const FILE_LIMIT = 64 * 1024;
/** Bytes that all profiles of a project may have together. */
export const PROJECT_PROFILES_LIMIT = 128 * 1024;
/** Profiles that one folder may have. */
const PROFILE_LIMIT = 200;

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;

/** Reads a file of the user's; links are followed, because people keep their configuration in repositories. */
export async function readOwn(path: string): Promise<Buffer | undefined> {
  return withHandle(
    () => open(path, O_RDONLY | O_NONBLOCK),
    path,
    file => readWhole(file, path),
  );
}

/**
 * Reads a file below a folder that others can write, and follows no link on the way: each component is opened relative
 * to the one before it, so that what is swapped meanwhile is not entered either. Undefined when there is no such file.
 */
export async function readBeneath(root: string, parts: readonly string[]): Promise<Buffer | undefined> {
  const path = [root, ...parts].join('/');
  const last = parts.at(-1);
  if (last === undefined) return undefined;
  return withFolder(root, parts.slice(0, -1), folder =>
    withHandle(
      () => open(`/proc/self/fd/${folder.fd}/${last}`, O_RDONLY | O_NONBLOCK | O_NOFOLLOW),
      path,
      file => readWhole(file, path),
    ),
  );
}

/** Names of the folders in a folder that others can write; no link is followed. Empty when there is no such folder. */
export async function listBeneath(root: string, parts: readonly string[]): Promise<string[]> {
  const names = await withFolder(root, parts, async folder => {
    const entries = await readdir(`/proc/self/fd/${folder.fd}`, { withFileTypes: true });
    return entries.filter(entry => entry.isDirectory()).map(entry => entry.name);
  });
  return (names ?? []).sort().slice(0, PROFILE_LIMIT);
}

/** Names of the folders in a folder of the user's. */
export async function listOwn(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter(entry => entry.isDirectory() || entry.isSymbolicLink())
      .map(entry => entry.name)
      .sort()
      .slice(0, PROFILE_LIMIT);
  } catch (error) {
    if (isMissing(error)) return [];
    throw explain(error, path);
  }
}

async function withFolder<T>(
  root: string,
  parts: readonly string[],
  use: (folder: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  const descend = async (folder: FileHandle, rest: readonly string[], path: string): Promise<T | undefined> => {
    const [next, ...further] = rest;
    if (next === undefined) return use(folder);
    return withHandle(
      () => open(`/proc/self/fd/${folder.fd}/${next}`, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
      `${path}/${next}`,
      inner => descend(inner, further, `${path}/${next}`),
    );
  };
  // The workspace itself may be a link: the user named it.
  return withHandle(
    () => open(root, O_RDONLY | O_DIRECTORY),
    root,
    folder => descend(folder, parts, root),
  );
}

async function withHandle<T>(
  opening: () => Promise<FileHandle>,
  path: string,
  use: (file: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  const file = await opening().catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw explain(error, path);
  });
  if (file === undefined) return undefined;
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle, path: string): Promise<Buffer> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new Failure('config', `${path} is not a regular file.`);
  const buffer = Buffer.alloc(FILE_LIMIT + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  throw new Failure('config', `${path} has more than the ${FILE_LIMIT} bytes allowed.`);
}

function explain(error: unknown, path: string): Failure {
  const code = codeOf(error);
  if (code === 'ELOOP') return new Failure('config', `${path} is a symbolic link, which is not followed.`);
  // What Linux says of a link, too, where a folder is wanted.
  if (code === 'ENOTDIR')
    return new Failure('config', `${path} is not a folder; a symbolic link is not followed here.`);
  return new Failure('config', `${path} cannot be read (${code ?? 'unknown error'}).`, { cause: error });
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
