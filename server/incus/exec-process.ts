import type WebSocket from 'ws';
import { Failure, messageOf } from '../base/errors.ts';
import { settledWithin } from './abort.ts';
import { abortFailure, IncusError, transportError } from './errors.ts';
import { execBody } from './exec-command.ts';
import { api, type Http } from './http.ts';
import { wait } from './operations.ts';
import { object, optional, text } from './parse.ts';
import { opened, webSocket } from './socket.ts';
import type { ExecOptions, OnOutput } from './types/exec.ts';

/** Milliseconds until Incus says of a command whose sockets it refuses that it gave it up. */
const SAYS_WITHIN = 1000;

export interface ProcessOptions extends ExecOptions {
  onStdout: OnOutput;
  onStderr?: OnOutput;
  tty?: { cols: number; rows: number };
}

/** A process inside, with its sockets. `result` has the exit code when the process and its output have ended. */
export interface Process {
  stdin: WebSocket;
  control: WebSocket;
  /** The exit code, as soon as Incus says it. */
  ended: Promise<number>;
  result: Promise<number>;
  /** Drops the connections; Incus then kills the attached process. */
  drop(): void;
}

/** Starts the argv as it is. An abort before the start is done rejects; afterwards the signal means nothing here. */
export async function startProcess(
  http: Http,
  name: string,
  command: readonly string[],
  o: ProcessOptions,
): Promise<Process> {
  const what = `Running ${command.at(0)} in the container ${name}`;
  const reply = await http.request('POST', `${api('instances', name)}/exec`, execBody(command, o), {
    what,
    ...optional('signal', o.signal),
  });
  const operation = reply.operation ?? '';
  // Asked for at once: Incus forgets the result 5 s after the end.
  const ended = exitCode(http, operation, what);
  ended.catch(() => {
    // Whoever awaits `result` gets it.
  });
  const names = o.tty === undefined ? ['control', '0', '1', '2'] : ['control', '0'];
  const fds = object(object(object(reply.metadata).metadata).fds);
  // All at once: the process waits for them 5 s, and control has to be there before it starts to be able to kill it.
  const sockets = names.map(fd => webSocket(http.target, `${operation}/websocket?secret=${text(fds[fd])}`));
  const drop = () => {
    for (const socket of sockets) socket.terminate();
  };
  try {
    const connected = await connect(sockets, what, http, o.signal);
    const { control, stdin } = connected;
    const outputs = attach(connected, o);
    control.resume();
    return { stdin, control, ended, result: finish(ended, outputs, drop), drop };
  } catch (error) {
    drop();
    throw (o.signal?.aborted ? undefined : await gaveUp(ended)) ?? error;
  }
}

/** Why Incus gave the command up before it had begun, if it did: it says more than that its sockets are refused. */
async function gaveUp(ended: Promise<number>): Promise<Failure | undefined> {
  if (!(await settledWithin(ended, SAYS_WITHIN))) return undefined;
  return ended.then(
    () => undefined,
    error => (neverStarted(error) ? error : undefined),
  );
}

/**
 * Whether Incus could start nothing: in the first second of a container it sometimes fails to (seen on 6.0.4, with its own command line too;
 * now and then it only lost sight of what it had started, so that a command can run twice), and it gives a command up whose sockets are not
 * there after 5 s, as when it is slow to serve them.
 */
export function neverStarted(error: unknown): error is Failure {
  return (
    error instanceof Failure &&
    /Failed to retrieve PID of executing child process|waiting for websockets to connect/i.test(error.message)
  );
}

/** A terminal has only the first two. */
interface Sockets {
  control: WebSocket;
  stdin: WebSocket;
  stdout: WebSocket | undefined;
  stderr: WebSocket | undefined;
}

async function connect(
  sockets: WebSocket[],
  what: string,
  http: Http,
  signal: AbortSignal | undefined,
): Promise<Sockets> {
  const abort = () => {
    for (const socket of sockets) socket.terminate();
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const [control, stdin, stdout, stderr] = await Promise.all(sockets.map(opened));
    if (signal?.aborted) throw abortFailure(what, signal);
    if (control === undefined || stdin === undefined) throw new Failure('internal', `${what} failed: no sockets.`);
    return { control, stdin, stdout, stderr };
  } catch (error) {
    if (signal?.aborted) throw abortFailure(what, signal);
    throw error instanceof Failure ? error : transportError(what, http.target.socketPath, error);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Resolves when all output has come. */
function attach(sockets: Sockets, o: ProcessOptions): Promise<unknown> {
  if (o.tty !== undefined) return pump(sockets.stdin, o.onStdout, true);
  // Nothing comes on it, but its pings have to be answered.
  sockets.stdin.resume();
  const ignore: OnOutput = () => {};
  return Promise.all([
    sockets.stdout && pump(sockets.stdout, o.onStdout, false),
    sockets.stderr && pump(sockets.stderr, o.onStderr ?? ignore, false),
  ]);
}

/**
 * Hands over what comes, one piece at a time: while the taker is busy the socket is paused, which holds back the writer inside.
 * A text frame is the end of the stream; the end of the connection without a close frame is normal too. Incus ends a terminal's
 * operation only when its socket is closed from here.
 */
function pump(socket: WebSocket, take: OnOutput, terminal: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('message', (data, isBinary) => {
      if (!isBinary) {
        if (terminal) socket.close(1000);
        return resolve();
      }
      try {
        const busy = take(data as Buffer);
        if (busy === undefined) return;
        socket.pause();
        busy.then(() => socket.resume(), reject);
      } catch (error) {
        reject(error);
      }
    });
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
    if (socket.readyState === socket.CLOSED) resolve();
    socket.resume();
  });
}

async function finish(ended: Promise<number>, outputs: Promise<unknown>, drop: () => void): Promise<number> {
  try {
    // A taker that throws ends the process: nobody reads it any more.
    await Promise.race([ended, outputs.then(() => ended)]);
    await outputs;
    return await ended;
  } finally {
    drop();
  }
}

/** 126, 127 and a script's own `exit 127` make the operation a failure that still has the code; -1 means that nothing started. */
async function exitCode(http: Http, operation: string, what: string): Promise<number> {
  try {
    return Number((await wait(http, operation, { what })).metadata.return ?? 0);
  } catch (error) {
    const code = error instanceof IncusError ? error.operation?.metadata.return : undefined;
    if (typeof code === 'number' && code >= 0) return code;
    throw error instanceof Failure ? error : new Failure('internal', `${what} failed: ${messageOf(error)}`);
  }
}
