import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  createMessageConnection,
  type MessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import type { InitializeResult } from '../../../server/protocol/methods.ts';

export const STAND_IN = fileURLToPath(new URL('stand-in.ts', import.meta.url));

const cleanups = new WeakMap<TestContext, (() => void | Promise<void>)[]>();

/** Undoes something after the test, the newest first: a directory goes after the backend that lives in it. */
export function undo(t: TestContext, cleanup: () => void | Promise<void>): void {
  const known = cleanups.get(t);
  if (known !== undefined) {
    known.push(cleanup);
    return;
  }
  const list = [cleanup];
  cleanups.set(t, list);
  t.after(async () => {
    for (const each of list.reverse()) await each();
  });
}

/** Kills a backend, and waits until it writes nothing any more. */
export async function kill(pid: number): Promise<void> {
  if (alive(pid)) process.kill(pid, 'SIGKILL');
  await until(`${pid} is gone`, () => !alive(pid));
}

/** A directory of the test's own, gone afterwards. It is the HOME of what the test starts, and so part of its key. */
export function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'ia-'));
  undo(t, async () => {
    // Also those that lost the race for a place and win it now that the winner is gone.
    for (const pid of processesNaming(directory)) await kill(pid);
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function processesNaming(directory: string): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter(pid => pid > 0 && pid !== process.pid);
  return pids.filter(pid => commandOf(pid).includes(`${directory}/`));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

/** A backend that the test started; ended with the test. */
export interface Started {
  child: ChildProcess;
  pid: number;
  exited: Promise<number | string>;
  stderr(): string;
}

export function start(t: TestContext, home: string, args: readonly string[], program = STAND_IN): Started {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, HOME: home, ELECTRON_RUN_AS_NODE: '1', SECRET_OF_THE_EDITOR: 'x' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  child.stderr.on('data', chunk => lines.push(String(chunk)));
  const exited = new Promise<number | string>(resolve => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  if (child.pid === undefined) throw new Error('no process');
  undo(t, async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return { child, pid: child.pid, exited, stderr: () => lines.join('') };
}

/** Waits until the condition holds, at most 10 s. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, milliseconds = 10_000) {
  const deadline = Date.now() + milliseconds;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${milliseconds} ms`);
    await delay(20);
  }
}

/** A client on the path socket, connected as soon as somebody answers. */
export async function dial(t: TestContext, path: string): Promise<{ rpc: MessageConnection; socket: Socket }> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const socket = await tryConnect(path);
    if (socket !== undefined) {
      const reader = new StreamMessageReader(socket);
      // Else a test that ends in the middle of a message leaves a timer behind, and the process never ends.
      reader.partialMessageTimeout = 0;
      const rpc = createMessageConnection(reader, new StreamMessageWriter(socket));
      rpc.listen();
      undo(t, () => {
        rpc.dispose();
        socket.destroy();
      });
      return { rpc, socket };
    }
    if (Date.now() > deadline) throw new Error(`nobody answers at ${path}`);
    await delay(20);
  }
}

export function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

export function initialize(rpc: MessageConnection, more: object = {}): Promise<InitializeResult> {
  const params = { protocolVersion: 1, client: { name: 'test', version: '0' }, workspaces: [], ...more };
  return rpc.sendRequest('initialize', params);
}

/** The error that a request settles with. */
export async function errorOf(promise: Promise<unknown>): Promise<{ code: number; message: string; data: unknown }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ResponseError) return { code: error.code, message: error.message, data: error.data };
    throw error;
  }
  throw new Error('it succeeded');
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
