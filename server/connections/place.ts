import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure, messageOf } from '../base/errors.ts';

/** The kernel's limit for the path of a unix socket, without the byte that ends it. */
const MAX_SOCKET_PATH_BYTES = 107;
/** How long a loser of the start race waits for the winner: as long as a predecessor may take to drain and undo. */
const RACE_TIMEOUT = 25_000;
const RACE_PAUSE = 50;

/** What makes two backends the same one. */
export interface Identity {
  uid: number;
  home: string;
  incusSocket?: string;
  incusProject?: string;
}

/** The key of a shared backend. The extension computes the same one for the name of the socket. */
export function keyOf(identity: Identity): string {
  const parts = [identity.uid, identity.home, identity.incusSocket ?? '', identity.incusProject ?? ''];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** Makes the directory of the path socket and refuses one in which somebody else could put a socket of theirs. */
export function prepareDirectory(socket: string, uid: number): void {
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES)
    throw new Failure(
      'invalid',
      `The socket path ${socket} is longer than the ${MAX_SOCKET_PATH_BYTES} bytes that Linux allows.`,
    );
  const directory = dirname(socket);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stat = lstatSync(directory);
  const hint = `Remove ${directory}, or make it a directory of your own with mode 0700.`;
  if (!stat.isDirectory()) throw new Failure('permission', `${directory} is not a directory.`, { hint });
  if (stat.uid !== uid)
    throw new Failure('permission', `${directory} belongs to another user (uid ${stat.uid}).`, { hint });
  if ((stat.mode & 0o077) !== 0) throw new Failure('permission', `${directory} is open to other users.`, { hint });
}

/**
 * Becomes the one backend of this key, or learns that another one answers (undefined). The mutex is an abstract socket, which
 * the kernel frees whatever way its holder dies. Fails with `unavailable` when it is held and nobody answers.
 */
export async function winPlace(key: string, socket: string): Promise<Server | undefined> {
  const deadline = Date.now() + RACE_TIMEOUT;
  for (;;) {
    const mutex = await takeMutex(key);
    // Somebody may answer nevertheless: abstract sockets are of one network namespace, files may be of several.
    if (await answers(socket)) {
      mutex?.close();
      return undefined;
    }
    if (mutex !== undefined) return mutex;
    if (Date.now() > deadline)
      throw new Failure('unavailable', 'Another backend is running, but it does not answer.', {
        hint: `End the process that holds the abstract socket ${abstractName(key).slice(1)} (ss -xlp shows it).`,
      });
    await delay(RACE_PAUSE);
  }
}

/** Takes the mutex of a key; undefined when another process has it. */
export async function takeMutex(key: string): Promise<Server | undefined> {
  const server = createServer(peer => peer.destroy());
  try {
    await listening(server, abstractName(key));
    return server;
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE')) return undefined;
    throw new Failure('internal', `The backend cannot take its place: ${messageOf(error)}`);
  }
}

/** Whether a backend of this key lives. */
export function isAlive(key: string): Promise<boolean> {
  return answers(abstractName(key));
}

/** Listens at the path socket, for this user only. Only the holder of the mutex may call it: it removes a stale socket. */
export async function listenAt(socket: string, accept: (peer: Socket) => void): Promise<Server> {
  rmSync(socket, { force: true });
  const server = createServer(accept);
  // The socket is made within the call, so nobody else's file gets this mask.
  const before = process.umask(0o177);
  try {
    const ready = listening(server, socket);
    process.umask(before);
    await ready;
  } finally {
    process.umask(before);
  }
  chmodSync(socket, 0o600);
  return server;
}

function listening(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(path, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const peer = connect(path);
  peer.once('connect', () => resolve(true));
  peer.once('error', () => resolve(false));
  return promise.finally(() => peer.destroy());
}

function abstractName(key: string): string {
  return `\0incus-agents-${key}`;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
