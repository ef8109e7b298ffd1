import { type ChildProcess, spawn } from 'node:child_process';
import { Failure, messageOf } from '../base/errors.ts';
import { plainLine } from '../base/plain.ts';

/** Bytes that the output of a command may have: a process takes no longer variable. */
const LIMIT = 64 * 1024;
/** Milliseconds that what a command left running may hold its output open after it has ended. */
const LINGER = 300;

/** Variables of the editor's own environment by which such commands find their programs, keys and stores. */
export const COMMAND_ENVIRONMENT: readonly string[] = [
  ...[
    'PATH',
    'HOME',
    'USER',
    'LOGNAME',
    'LANG',
    'LC_ALL',
    'SSH_AUTH_SOCK',
    'GPG_TTY',
    'GNUPGHOME',
    'PASSWORD_STORE_DIR',
  ],
  ...['XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'DBUS_SESSION_BUS_ADDRESS', 'DISPLAY'],
  ...['WAYLAND_DISPLAY', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
  ...['AWS_PROFILE', 'AWS_CONFIG_FILE', 'CLOUDSDK_CONFIG', 'KUBECONFIG', 'VAULT_ADDR'],
];

export interface CommandOptions {
  /** The whole environment of the commands. */
  environment: Readonly<Record<string, string>>;
  /** Where they run: never where an agent can write, as many programs obey files of their directory. */
  directory: string;
  timeoutMs: number;
  signal: AbortSignal;
}

/** The environment for commands: PATH without what is relative, and without directories in which an agent can write (`hostile`). */
export function commandEnvironment(
  given: Readonly<Record<string, string>>,
  home: string,
  hostile: readonly string[],
): Record<string, string> {
  const path = (given.PATH ?? '')
    .split(':')
    .filter(one => one.startsWith('/') && !hostile.some(dir => isBelow(one, dir)));
  const { PATH: _, ...rest } = given;
  return { HOME: home, ...rest, PATH: path.length === 0 ? '/usr/local/bin:/usr/bin:/bin' : path.join(':') };
}

/**
 * Runs the commands on this computer, by a shell as coi does, and gives what each wrote, without blanks around it. Fails with `config` that names
 * the variable and the reason, never with what was written; with `cancelled` on an abort.
 */
export async function runCommands(
  commands: Readonly<Record<string, string>>,
  o: CommandOptions,
): Promise<Record<string, string>> {
  // One that fails ends the others.
  const stop = new AbortController();
  const options = { ...o, signal: AbortSignal.any([o.signal, stop.signal]) };
  const running = Object.entries(commands).map(async ([name, command]) => [name, await run(name, command, options)]);
  try {
    return Object.fromEntries(await Promise.all(running));
  } finally {
    stop.abort();
    await Promise.allSettled(running);
  }
}

function run(name: string, command: string, o: CommandOptions): Promise<string> {
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: o.directory,
    env: o.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((done, fail) => {
    const limited = AbortSignal.any([o.signal, AbortSignal.timeout(o.timeoutMs)]);
    const end = (result: () => void) => {
      limited.removeEventListener('abort', onAbort);
      child.stdout.destroy();
      child.stderr.destroy();
      result();
    };
    const give = (failure: Failure) =>
      end(() => {
        kill(child);
        fail(failure);
      });
    const onAbort = () =>
      give(
        o.signal.aborted
          ? new Failure('cancelled', 'The commands for variables were given up.')
          : failed(name, `took longer than ${o.timeoutMs / 1000} s`),
      );
    const out = collect(child.stdout, () => give(failed(name, `wrote more than ${LIMIT} bytes`)));
    const err = collect(child.stderr, () => {});
    limited.addEventListener('abort', onAbort, { once: true });
    child.once('error', error => give(failed(name, `could not be started: ${messageOf(error)}`)));
    const exited = (code: number | null, signal: string | null) =>
      end(() => {
        if (code !== 0) return fail(failed(name, `ended with ${code === null ? signal : `exit code ${code}`}`, err()));
        const text = out().trim();
        return text.includes('\0') ? fail(failed(name, 'wrote a NUL character')) : done(text);
      });
    child.once('close', exited);
    // A program that it left in the background may keep its output open for ever.
    child.once('exit', (code, signal) => void setTimeout(exited, LINGER, code, signal).unref());
    if (limited.aborted) onAbort();
  });
}

/** Gathers a stream up to the limit; gives what reads it as text. */
function collect(stream: NodeJS.ReadableStream, onFull: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LIMIT) onFull();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/** With everything that it started. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function failed(name: string, why: string, told = ''): Failure {
  const detail = plainLine(told, 300);
  return new Failure('config', `The command for the variable ${name} ${why}.`, {
    hint: 'Run it in a terminal to see why, or take it out of `env_commands`.',
    ...(detail === '' ? {} : { detail }),
  });
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}
