import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, createWriteStream, globSync, readFileSync, type WriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { codeServerCommand, vsixPath } from '../../host/paths.mjs';
import {
  type Account,
  changeSettings,
  environmentOf,
  type Folders,
  handOver,
  makeFolders,
  type UserFiles,
} from './folders.ts';
import { endProcessesWithHome } from './processes.ts';
import { removeSoon } from './remove.ts';

/** Which VS Code: the newest, or the oldest that the manifest allows. */
export type Version = 'newest' | 'oldest';

/** The one that this run of the tests is about. */
export const versionUnderTest: Version = process.env.INCUS_AGENTS_VSCODE === 'oldest' ? 'oldest' : 'newest';

/** Option of tests that are not worth the time on the oldest VS Code: it gets those of the main way through. */
export const newestOnly = { skip: versionUnderTest === 'oldest' && 'on the newest VS Code only' };

/** How a server differs from a plain one with our extension installed. */
export interface ServerOptions extends UserFiles {
  /** Packages to install; ours by default. */
  vsix?: readonly string[];
  /** `asked`: a folder is untrusted until somebody says otherwise, and a dialog asks. Default: everything is trusted. */
  trust?: 'given' | 'asked';
  /** Environment of the server, and so of the extension host and the terminals. */
  env?: Readonly<Record<string, string>>;
  /** Runs as this user; needs root. */
  account?: Account;
  /** VS Code's test driver: terminals' buffers and tests inside the extension host; but it hides notifications. */
  testDriver?: boolean;
}

/** A running VS Code server. */
export interface Server {
  url: string;
  folders: Folders;
  env: NodeJS.ProcessEnv;
  /** Changes settings of the user while the window is open; the editor notices by itself. */
  set(settings: Readonly<Record<string, unknown>>): void;
  /** A client on the tmux server of the terminals on the host. */
  tmux(...args: string[]): string;
  /** What the extension host and the extensions wrote into log files. */
  logs(): string;
  /** Ends it with everything that it started, and removes its folders. */
  stop(): Promise<void>;
}

const flags = [
  '--bind-addr=127.0.0.1:0',
  '--auth=none',
  '--disable-telemetry',
  '--disable-update-check',
  '--disable-getting-started-override',
  '--disable-proxy',
  '--ignore-last-opened',
];

/** Starts a code-server of its own on a free loopback port. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const folders = makeFolders(options);
  const env = environmentOf(folders, options.env);
  const log = createWriteStream(join(folders.base, 'code-server.log'));
  let child: ChildProcess | undefined;
  try {
    installAll(folders, env, options);
    const trust = options.trust === 'asked' ? [] : ['--disable-workspace-trust'];
    const [file = '', ...args] = asAccount([...commandOf(folders, options), ...flags, ...trust], options);
    // A process group of its own, so that its extension hosts end with it.
    child = spawn(file, args, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    return handleOf(child, await address(child, log), folders, env, log);
  } catch (error) {
    await endServer(child, folders, log);
    throw error;
  }
}

/** Installs the packages, from copies: the clone may be where another user cannot read. */
function installAll(folders: Folders, env: NodeJS.ProcessEnv, options: ServerOptions): void {
  const copies = (options.vsix ?? [process.env.INCUS_AGENTS_VSIX ?? vsixPath()]).map(file => {
    const copy = join(folders.base, basename(file));
    copyFileSync(file, copy);
    return copy;
  });
  if (options.account) handOver(folders.base, options.account);
  for (const copy of copies) {
    const argv = asAccount([...commandOf(folders, options), '--install-extension', copy, '--force'], options);
    const done = spawnSync(argv[0] ?? '', argv.slice(1), { env, cwd: '/', encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`The extension could not be installed:\n${done.stdout}${done.stderr}`);
  }
}

function commandOf(folders: Folders, { testDriver = false }: ServerOptions): string[] {
  const places = ['--config', folders.config, '--user-data-dir', folders.data, '--extensions-dir', folders.extensions];
  const driver = testDriver ? ['--vscode-option', 'enable-smoke-test-driver'] : [];
  return [...codeServerCommand(versionUnderTest), ...places, ...driver];
}

function asAccount(argv: string[], { account }: ServerOptions): string[] {
  if (!account) return argv;
  return ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups', '--', ...argv];
}

/** Waits for the line that says where it listens. */
function address(child: ChildProcess, log: WriteStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('code-server did not listen within 60 s')), 60_000);
    child.once('error', reject);
    child.once('exit', code => reject(new Error(`code-server ended with ${code}; see ${String(log.path)}`)));
    child.stderr?.pipe(log, { end: false });
    if (!child.stdout) return reject(new Error('code-server has no output'));
    createInterface({ input: child.stdout }).on('line', line => {
      log.write(`${line}\n`);
      const url = /HTTP server listening on (http:\/\/\S+?)\/?$/.exec(line)?.[1];
      if (!url) return;
      clearTimeout(late);
      resolve(url);
    });
  });
}

function handleOf(
  child: ChildProcess,
  url: string,
  folders: Folders,
  env: NodeJS.ProcessEnv,
  log: WriteStream,
): Server {
  const again: NodeJS.Timeout[] = [];
  return {
    url,
    folders,
    env,
    set: settings => {
      changeSettings(folders, settings);
      // The editor may not yet watch a file that is changed for the first time.
      for (const later of [1000, 5000]) again.push(setTimeout(() => changeSettings(folders, {}, later / 1000), later));
    },
    tmux: (...args) => execFileSync('tmux', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    logs: () =>
      globSync(join(folders.data, 'logs/**/*.log'))
        .map(file => `── ${file}\n${readFileSync(file, 'utf8')}`)
        .join('\n'),
    stop: () => {
      for (const timer of again) clearTimeout(timer);
      return endServer(child, folders, log);
    },
  };
}

async function endServer(child: ChildProcess | undefined, folders: Folders, log: WriteStream): Promise<void> {
  const running = child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const gone = running ? new Promise(resolve => child?.once('exit', resolve)) : Promise.resolve();
  await endProcessesWithHome(folders.home);
  await gone;
  log.end();
  await removeSoon(folders.base);
}
