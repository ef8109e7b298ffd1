import { randomBytes } from 'node:crypto';
import type { Server } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { Failure, messageOf } from '../base/errors.ts';
import { createLog, type Log } from '../base/log.ts';
import { PROGRAM_PATH } from '../base/programs.ts';
import type { AppOptions, CreateApp } from './app.ts';
import { type Arguments, parseArguments } from './arguments.ts';
import { Core } from './core.ts';
import { openLogFile } from './logfile.ts';
import { openProtocolOutput } from './output.ts';
import { isAlive, keyOf, listenAt, prepareDirectory, takeMutex, winPlace } from './place.ts';
import { watchPlace } from './watch.ts';

/** How a backend is started. */
export interface RunOptions {
  /** The command line without the program's own two words. */
  argv: readonly string[];
  version: string;
  createApp: CreateApp;
}

/** All that a shared backend keeps of the environment that it was started in. */
const KEPT_ENVIRONMENT = new Set(['HOME', 'LANG', 'XDG_RUNTIME_DIR']);

/** Runs the backend until it ends; what keeps it from starting goes to standard error, one line for the cause, one for the hint. */
export async function run(options: RunOptions): Promise<void> {
  process.env.PATH = PROGRAM_PATH;
  try {
    const parsed = parseArguments(options.argv);
    if (parsed.socket === undefined) await serveOne(parsed, options);
    else await serveMany(parsed, parsed.socket, options);
  } catch (error) {
    const hint = error instanceof Failure && error.hint !== undefined ? `${error.hint}\n` : '';
    process.stderr.write(`${messageOf(error)}\n${hint}`, () => process.exit(1));
  }
}

async function serveOne(parsed: Arguments, options: RunOptions): Promise<void> {
  const log = createLog(line => process.stderr.write(line));
  const output = openProtocolOutput();
  const key = `stdio-${process.pid}-${randomBytes(8).toString('hex')}`;
  await takeMutex(key);
  const core = new Core({
    createApp: options.createApp,
    app: appOptions(parsed, key, log),
    version: options.version,
    log,
    idleExit: undefined,
    closeDoor() {},
    exit: code => flush(output, () => process.exit(code)),
  });
  endOnSignals(core, log);
  process.stdin.once('close', () => core.end('abandon', 'standard input has ended'));
  core.accept({ input: process.stdin, output });
}

async function serveMany(parsed: Arguments, socket: string, options: RunOptions): Promise<void> {
  process.chdir('/');
  for (const name of Object.keys(process.env))
    if (!KEPT_ENVIRONMENT.has(name) && name !== 'PATH') delete process.env[name];
  prepareDirectory(socket, ownUid());
  const key = keyOf({ ...parsed, uid: ownUid(), home: homedir() });
  const mutex = await winPlace(key, socket);
  if (mutex === undefined) return;
  const log = createLog(openLogFile(join(homedir(), '.coi', 'logs', 'incus-agents.log')));
  log.info(`version ${options.version} starts as process ${process.pid} at ${socket}`);
  const door = new Door(socket);
  const core = new Core({
    createApp: options.createApp,
    app: appOptions(parsed, key, log),
    version: options.version,
    log,
    idleExit: parsed.idleExit,
    closeDoor: () => door.close(),
    exit(code) {
      log.info(`exits with ${code}`);
      mutex.close();
      process.exit(code);
    },
  });
  endOnSignals(core, log);
  await door.open(core, log);
}

/** The path socket, held open in its place. */
class Door {
  readonly #socket: string;
  #server: Server | undefined;
  #unwatch: (() => void) | undefined;
  #closed = false;

  constructor(socket: string) {
    this.#socket = socket;
  }

  async open(core: Core, log: Log): Promise<void> {
    await this.#listen(core);
    this.#unwatch = watchPlace(this.#socket, {
      onGone: () => core.end('drain', 'its directory has gone'),
      onSocketLost: () => {
        log.warn('the socket was removed, so it is made again');
        this.#listen(core).catch(error => core.end('drain', messageOf(error)));
      },
    });
  }

  close(): void {
    this.#closed = true;
    this.#unwatch?.();
    this.#server?.close();
  }

  async #listen(core: Core): Promise<void> {
    this.#server?.close();
    this.#server = undefined;
    if (this.#closed) return;
    this.#server = await listenAt(this.#socket, peer => core.accept({ input: peer, output: peer }));
  }
}

function appOptions(parsed: Arguments, backendKey: string, log: Log): Omit<AppOptions, 'clients'> {
  return {
    ...(parsed.incusSocket === undefined ? {} : { incusSocket: parsed.incusSocket }),
    ...(parsed.incusProject === undefined ? {} : { incusProject: parsed.incusProject }),
    home: homedir(),
    uid: ownUid(),
    log,
    backendKey,
    backendAlive: isAlive,
  };
}

function endOnSignals(core: Core, log: Log): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => core.end('drain', signal));
  const crash = (error: unknown) => {
    log.error(`crashes: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

function ownUid(): number {
  const uid = process.getuid?.();
  if (uid === undefined)
    throw new Failure('unavailable', 'Incus runs on Linux only.', { hint: 'Use WSL2 or Remote-SSH.' });
  return uid;
}

function flush(output: Writable, then: () => void): void {
  if (output.writableFinished || output.destroyed) then();
  else output.end(then);
}
