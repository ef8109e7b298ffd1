import { createHash } from 'node:crypto';
import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { BackendError } from './errors.ts';

/** What makes two backends the same one: windows that agree in all of it share one. */
export interface Identity {
  uid: number;
  home: string;
  incusSocket?: string;
  incusProject?: string;
}

/** The kernel's limit for the path of a unix socket. */
const MAX_SOCKET_PATH_BYTES = 107;

/** The key of the shared backend; the backend computes the same one for its mutex. */
export function backendKey(identity: Identity): string {
  const parts = [identity.uid, identity.home, identity.incusSocket ?? '', identity.incusProject ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/**
 * The directory of the sockets: in the user's runtime directory, which goes away at logout; else in the home; else, when the home's
 * path is too long for a socket, a private one under /tmp.
 */
export function resolveRuntimeDir(identity: Identity, runtime = `/run/user/${identity.uid}`): string {
  const stat = statOf(runtime);
  if (stat?.isDirectory() === true && stat.uid === identity.uid) return join(runtime, 'incus-agents');
  const inHome = join(identity.home, '.coi', 'run');
  if (Buffer.byteLength(join(inHome, `${backendKey(identity)}.sock`)) <= MAX_SOCKET_PATH_BYTES) return inHome;
  return `/tmp/incus-agents-${identity.uid}`;
}

/** Where the shared backend listens. */
export function socketPath(identity: Identity): string {
  return join(resolveRuntimeDir(identity), `${backendKey(identity)}.sock`);
}

/**
 * Whether the socket's directory is there. Fails with `permission` when somebody else could have put a socket there:
 * whoever answers is told secrets.
 */
export function checkDirectory(directory: string, uid: number): boolean {
  const stat = statOf(directory);
  if (stat === undefined) return false;
  if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0) return true;
  throw new BackendError('permission', `${directory} is not a directory that only you can use.`, {
    hint: `Remove ${directory}, or make it your own with mode 0700.`,
  });
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
