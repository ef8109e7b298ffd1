import { setTimeout as sleep } from 'node:timers/promises';
import type WebSocket from 'ws';
import { Failure, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { settledWithin } from './abort.ts';
import { abortFailure, IncusError, isBroken, isNotFound } from './errors.ts';
import { checkArgv, killCommand, markedCommand, newMark } from './exec-command.ts';
import { neverStarted, type Process, startProcess } from './exec-process.ts';
import type { Http } from './http.ts';
import type { ExecHandle, StreamOptions } from './types/exec.ts';

/** Bytes of a frame; the answer to a larger write comes in pieces, so that a slow reader holds back the writer. */
const FRAME = 64 * 1024;
/** Milliseconds that a kill may take before it is given up; Incus can be 10 s late to serve a connection. */
const KILL_LIMIT = 30_000;
/** Milliseconds between two attempts to start the killer. */
const SWEEP_DELAY = 200;
const SIGKILL = 9;

/** Starts a process inside whose whole tree can be ended. */
export async function execStream(
  http: Http,
  log: Log,
  name: string,
  argv: readonly string[],
  o: StreamOptions,
): Promise<ExecHandle> {
  checkArgv(argv);
  const mark = newMark();
  const command = markedCommand(argv, mark, o.tty === undefined && o.setsid !== false);
  const process = await startProcess(http, name, command, o);
  const kill = once(() => killTree(http, log, name, mark, process));
  return {
    write: data => write(process.stdin, data),
    end: () => end(process.stdin, o.tty !== undefined),
    resize: (cols, rows) =>
      // Numbers would be ignored without a word.
      sendControl(process.control, { command: 'window-resize', args: { width: String(cols), height: String(rows) } }),
    signal: signal => sendControl(process.control, { command: 'signal', signal }),
    kill,
    result: cancellable(process.result, kill, `Running ${argv[0]} in the container ${name}`, o.signal),
  };
}

/** The result; after an abort, `cancelled`, as soon as nothing of the process runs any more. */
function cancellable(
  result: Promise<number>,
  kill: () => Promise<void>,
  what: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const outcome = new Promise<number>((resolve, reject) => {
    const abort = () => {
      if (signal === undefined) return;
      const failure = abortFailure(what, signal);
      kill().then(() => reject(failure), reject);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    const settle = (done: () => void) => {
      signal?.removeEventListener('abort', abort);
      if (!signal?.aborted) done();
    };
    result.then(
      code => settle(() => resolve(code)),
      error => settle(() => reject(error)),
    );
  });
  outcome.catch(() => {
    // Callers that only kill need not look at it.
  });
  return outcome;
}

/**
 * The attached process first, so that it can start nothing more, then everything with its mark. Twice, as a process that was just
 * starting may have got its mark after the first look.
 */
async function killTree(http: Http, log: Log, name: string, mark: number, process: Process): Promise<void> {
  if (await settledWithin(process.ended, 0)) return sweep(http, log, name, mark, process);
  sendControl(process.control, { command: 'signal', signal: SIGKILL });
  await sweep(http, log, name, mark, process);
  process.drop();
  await settledWithin(process.ended, KILL_LIMIT);
  await sweep(http, log, name, mark, process);
}

async function sweep(http: Http, log: Log, name: string, mark: number, process: Process): Promise<void> {
  const deadline = Date.now() + KILL_LIMIT;
  for (;;) {
    try {
      if (await sweepOnce(http, name, mark)) return;
      if (Date.now() > deadline) throw new Failure('timeout', 'What is to end it is ended itself.');
    } catch (error) {
      process.drop();
      const reason = error instanceof IncusError ? error.reason : undefined;
      // Nothing runs in a container that is stopped or gone.
      if (isNotFound(error) || reason === 'not-running') return;
      // It is just going down, has no process to spare until the killed ones are collected, or Incus does not get to it.
      const passing = reason === 'no-processes' || neverStarted(error) || isBroken(error);
      if (!passing || Date.now() > deadline) throw runsOn(log, name, error);
    }
    await sleep(SWEEP_DELAY);
  }
}

/** Ends what has the mark; false when the killer itself was ended, as in a container that is going down. */
async function sweepOnce(http: Http, name: string, mark: number): Promise<boolean> {
  const errors: Buffer[] = [];
  const killer = await startProcess(http, name, killCommand(mark), {
    onStdout: () => {},
    onStderr: chunk => {
      errors.push(chunk);
    },
    signal: AbortSignal.timeout(KILL_LIMIT),
  });
  if ((await killer.result) === 0) return true;
  if (errors.length === 0) return false;
  throw new Failure('timeout', `These processes do not end: ${Buffer.concat(errors).toString().trim()}`);
}

function runsOn(log: Log, name: string, cause: unknown): Failure {
  log.warn(`A command in ${name} may run on: ${messageOf(cause)}`);
  return new Failure('unavailable', `A command in the container ${name} could not be ended: ${messageOf(cause)}`, {
    hint: 'Restart the container to end it.',
    cause,
  });
}

async function write(socket: WebSocket, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  for (let at = 0; at < bytes.length; at += FRAME) await send(socket, bytes.subarray(at, at + FRAME));
}

/** Always binary: a text frame is the end of the stream, and its content is thrown away. */
function send(socket: WebSocket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(bytes, { binary: true }, error => {
      if (error) reject(new Failure('conflict', 'The command takes no more input.', { cause: error }));
      else resolve();
    });
  });
}

function end(socket: WebSocket, terminal: boolean): void {
  if (!terminal && socket.readyState === socket.OPEN) socket.send('', { binary: false });
}

function sendControl(socket: WebSocket, message: unknown): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
