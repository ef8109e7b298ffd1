import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './errors.ts';

const DIRECTORIES = ['/run/incus', '/var/lib/incus'];

/**
 * The path of the Incus socket: `explicit`, else INCUS_SOCKET, else INCUS_DIR, else the first usual place that may be used (the
 * administrators' before the restricted users' one), else the first that exists, else the most usual one, so that the
 * connection can say what is missing. The named ones are taken as they are, existing or not.
 */
export async function findSocket(explicit?: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  if (explicit) return explicit;
  if (env.INCUS_SOCKET) return env.INCUS_SOCKET;
  if (env.INCUS_DIR) return join(env.INCUS_DIR, 'unix.socket');
  const usual = ['unix.socket', 'unix.socket.user'].flatMap(name =>
    DIRECTORIES.map(directory => join(directory, name)),
  );
  for (const path of usual) if (await usable(path)) return path;
  for (const path of usual) if (await exists(path)) return path;
  return '/var/lib/incus/unix.socket';
}

async function usable(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    // Which of the reasons it was shows in the second round, or when the socket is connected to.
    return false;
  }
}

/** Whether something is there; a directory that may not be entered hides a socket rather than lacking it. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    return codeOf(error) === 'EACCES';
  }
}
