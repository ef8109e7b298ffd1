import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BackendError, Hopeless } from './errors.ts';
import { checkDirectory, type Identity, socketPath } from './place.ts';

/** What is needed to start a backend. */
export interface LaunchOptions {
  identity: Identity;
  /** The program: Node itself, or an editor that becomes Node when told so. */
  execPath: string;
  /** The backend's file. */
  serverPath: string;
  /** More of its command line, for tests. */
  extraArgs?: readonly string[];
}

const START_TIMEOUT = 30_000;
const CONNECT_PAUSE = 25;
const MAX_STDERR = 8192;

/** All that a backend gets of the environment: it serves every window, and what is in it must not depend on which one was first. */
const PASSED_ENVIRONMENT = ['LANG', 'XDG_RUNTIME_DIR'];

/**
 * A connection to the shared backend, which is started when nobody answers. For the first `patience` milliseconds a missing socket
 * is taken for a successor that is just starting. Fails with `unavailable` or `permission`.
 */
export async function connectOrStart(options: LaunchOptions, patience: number, signal: AbortSignal): Promise<Socket> {
  const path = socketPath(options.identity);
  const patientUntil = Date.now() + patience;
  for (;;) {
    const found = await tryConnect(path, options.identity.uid);
    if (found instanceof Object) return found;
    // A socket that refuses is that of a killed one; a missing one was removed in order, perhaps to be replaced.
    if (found === 'refused' || Date.now() >= patientUntil) return start(options, path, signal);
    await pause(signal);
  }
}

async function start(options: LaunchOptions, path: string, signal: AbortSignal): Promise<Socket> {
  const child = launch(options, path);
  const deadline = Date.now() + START_TIMEOUT;
  try {
    for (;;) {
      if (child.failure !== undefined) throw child.failure;
      const found = await tryConnect(path, options.identity.uid);
      if (found instanceof Object) return found;
      if (Date.now() > deadline)
        throw new BackendError('unavailable', 'The backend was started, but it does not answer.', {
          detail: child.stderr(),
        });
      await pause(signal);
    }
  } finally {
    child.letGo();
  }
}

interface Launched {
  failure: BackendError | undefined;
  stderr(): string;
  letGo(): void;
}

function launch({ identity, execPath, serverPath, extraArgs = [] }: LaunchOptions, path: string): Launched {
  if (process.platform !== 'linux')
    throw new Hopeless(
      'Incus runs on Linux only.',
      'Open the folder in WSL2, or on a Linux machine over Remote-SSH.',
      'none',
    );
  if (!existsSync(serverPath))
    throw new Hopeless('The extension was updated while this window was open.', 'Reload Window', 'reload');
  const args = [serverPath, ...extraArgs, '--socket', path];
  if (identity.incusSocket !== undefined) args.push('--incus-socket', identity.incusSocket);
  if (identity.incusProject !== undefined) args.push('--incus-project', identity.incusProject);
  const child = spawn(execPath, args, {
    cwd: '/',
    detached: true,
    env: minimalEnvironment(identity.home),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', chunk => {
    stderr = (stderr + chunk).slice(-MAX_STDERR);
  });
  const launched: Launched = {
    failure: undefined,
    stderr: () => stderr,
    letGo() {
      child.stderr.destroy();
      child.unref();
    },
  };
  child.once('error', error => {
    launched.failure = new BackendError('unavailable', `The backend could not be started: ${error.message}`);
  });
  // Ending well means that another one was first, which answers in a moment.
  child.once('close', (code, signal) => {
    if (code !== 0) launched.failure = startFailure(code ?? signal, stderr);
  });
  return launched;
}

function startFailure(code: number | string | null, stderr: string): BackendError {
  const [cause = '', hint] = stderr.trim().split('\n');
  return new BackendError(
    'unavailable',
    `The backend could not be started: ${cause === '' ? `it ended with ${code}` : cause}`,
    {
      hint,
      detail: stderr,
    },
  );
}

function minimalEnvironment(home: string): Record<string, string> {
  const environment: Record<string, string> = { HOME: home, ELECTRON_RUN_AS_NODE: '1' };
  for (const name of PASSED_ENVIRONMENT) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

function tryConnect(path: string, uid: number): Promise<Socket | 'missing' | 'refused'> {
  if (!checkDirectory(dirname(path), uid)) return Promise.resolve('missing');
  const { promise, resolve, reject } = Promise.withResolvers<Socket | 'missing' | 'refused'>();
  const socket = connect(path);
  socket.once('connect', () => resolve(socket));
  socket.once('error', error => {
    const code = 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') resolve('missing');
    else if (code === 'ECONNREFUSED') resolve('refused');
    else reject(new BackendError('unavailable', `The backend's socket cannot be used: ${error.message}`));
  });
  return promise;
}

async function pause(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await delay(CONNECT_PAUSE);
  signal.throwIfAborted();
}
