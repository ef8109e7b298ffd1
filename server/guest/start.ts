import { Failure } from '../base/errors.ts';
import { quote } from '../base/shell.ts';
import { managedBlock } from './context.ts';
import type { GuestFiles } from './files.ts';
import { gitConfig, timezoneEntries } from './identity.ts';
import { exportLines } from './shell.ts';
import { type TarEntry, tarball } from './tar.ts';

/**
 * A file for the agent, owned by the code user. `keep`: only if none is there but one of ours, which begins with the same line; `block`: the content becomes the managed block of
 * the file that is there; `json`: the caller has merged it already, so it replaces. Such a file may be one for several containers.
 */
export interface GuestFile {
  path: string;
  content: string;
  mode: number;
  merge?: 'json' | 'block' | 'keep';
}

/** How names are looked up inside. Addresses are of IPv4. */
export interface GuestNames {
  hosts: readonly { ip: string; hostnames: readonly string[] }[];
  resolvers: readonly string[];
}

export interface StartOptions {
  container: string;
  /** The workspace inside, where the agent starts. */
  mountPath: string;
  codeUid: number;
  codeGid: number;
  /** Home of the code user. */
  home: string;
  /** Empty: a login shell. */
  agentArgv: readonly string[];
  /** Commands that are run before the agent; what comes of them is shown, and stops nothing. */
  before?: readonly string[];
  /** For the agent and every shell of its tmux session; stays in a file that only the code user can read. */
  environment: Readonly<Record<string, string>>;
  /** For the agent's process only; in a file that is deleted before the agent starts. */
  secretEnvironment: Readonly<Record<string, string>>;
  files: readonly GuestFile[];
  /** Files of the user's, which replace what is there; owned by the code user. */
  copies?: readonly { path: string; content: Uint8Array; mode: number }[];
  /** Where the exit of the agent is noted, in the file `events`; a mount of the session. */
  signalsDir: string;
  /** Text of ~/SANDBOX_CONTEXT.md. */
  context?: string;
  /** Mount points below the home, whose parents Incus made for root and which the code user must own. */
  mountPoints?: readonly string[];
  /** Like Europe/Berlin. */
  timezone?: string;
  gitIdentity?: { name: string; email: string };
  /** Further git directories that git inside must accept, such as a worktree's repository. */
  gitDirectories?: readonly string[];
  /** Addresses of names that need no resolver, and the only resolvers; empty leaves both to the image. */
  names?: GuestNames;
  /** False: the container has no network, so none is waited for. */
  network?: boolean;
}

/** One exec as root: argv that holds nothing secret, and what goes to its stdin. */
export interface StartPlan {
  argv: string[];
  stdin: Uint8Array;
}

/** Name of the tmux session that holds the agent; coi's. */
export function tmuxSession(container: string): string {
  return `coi-${container}`;
}

/** Directory inside for what we put into the home. */
export function ownDirectory(home: string): string {
  return home === '/' ? '/.incus-agents' : `${home}/.incus-agents`;
}

/** TMUX_TMPDIR inside: out of reach of the cleaning of /tmp at boot. Belongs into `environment.TMUX_TMPDIR` of the instance. */
export function tmuxDirectory(home: string): string {
  return `${ownDirectory(home)}/tmux`;
}

/**
 * What starts the agent: one exec as root, right after the instance runs. Prints `started`, or `exists` when
 * the agent runs already (then nothing is changed). An agent that has ended is started again where it was. Other exit codes than 0: see explainStart.
 * Fails with `config` for a variable, time zone or path that cannot be.
 */
export function startPlan(guest: GuestFiles, o: StartOptions): StartPlan {
  const git = o.gitIdentity !== undefined || o.gitDirectories !== undefined ? 'yes' : 'no';
  const session = tmuxSession(o.container);
  const words = [o.codeUid, o.codeGid, o.home, session, o.mountPath, git].map(String);
  return { argv: ['/bin/sh', '-c', guest.start, 'incus-agents-start', ...words], stdin: tarball(entries(guest, o)) };
}

function entries(guest: GuestFiles, o: StartOptions): TarEntry[] {
  const agentFiles = o.files.map(file => agentEntry(file, o));
  const places = [...o.files, ...(o.copies ?? [])].map(file => file.path);
  const copies = (o.copies ?? []).map(copy => ({ ...copy, uid: o.codeUid, gid: o.codeGid }));
  const files = [...ownEntries(guest, o), ...agentFiles, ...copies];
  return [...parents([...places, ...(o.mountPoints ?? [])], o), ...files, ...systemEntries(guest, o)];
}

function ownEntries(guest: GuestFiles, o: StartOptions): TarEntry[] {
  const own = ownDirectory(o.home);
  const mine = { uid: o.codeUid, gid: o.codeGid };
  const text = (name: string, content: string, mode: number) => ({ ...mine, path: `${own}/${name}`, content, mode });
  const fixed = {
    INCUS_AGENTS_SIGNALS: o.signalsDir,
    INCUS_AGENTS_NETWORK: o.network === false ? 'no' : 'yes',
    IS_SANDBOX: '1',
    ...(o.timezone === undefined ? {} : { TZ: o.timezone }),
  };
  return [
    { ...mine, path: own, type: 'dir', mode: 0o700 },
    { ...mine, path: tmuxDirectory(o.home), type: 'dir', mode: 0o700 },
    text('tmux.conf', guest.tmuxConf, 0o600),
    text('begin', guest.begin, 0o700),
    text('launch', guest.launch, 0o700),
    text('put.sh', guest.put, 0o700),
    text('environment', exportLines({ ...fixed, ...o.environment }), 0o600),
    text('before', (o.before ?? []).map(command => `before ${quote(command)}\n`).join(''), 0o600),
    text('secrets', exportLines(o.secretEnvironment), 0o600),
    text('command', `set -- ${(o.agentArgv.length === 0 ? [''] : o.agentArgv).map(quote).join(' ')}\n`, 0o600),
    ...(o.context === undefined
      ? []
      : [{ ...mine, path: `${o.home}/SANDBOX_CONTEXT.md`, content: o.context, mode: 0o644 }]),
  ];
}

function agentEntry(file: GuestFile, o: StartOptions): TarEntry {
  if (!file.path.startsWith('/') || /[\0\n\\]|(^|\/)\.\.(\/|$)/.test(file.path))
    throw new Failure('config', `${JSON.stringify(file.path)} cannot be the path of a file inside.`);
  const path = file.merge === undefined ? file.path : `${ownDirectory(o.home)}/put/${file.merge}${file.path}`;
  const content = file.merge === 'block' ? managedBlock(file.content) : file.content;
  return { path, content, mode: file.mode, uid: o.codeUid, gid: o.codeGid };
}

/** Directories between the home and what lies below it, outermost first, so that none of them becomes root's. */
function parents(paths: readonly string[], o: StartOptions): TarEntry[] {
  const found = new Set<string>();
  for (const path of paths) {
    if (!path.startsWith(`${o.home}/`)) continue;
    const names = path
      .slice(o.home.length + 1)
      .split('/')
      .slice(0, -1);
    names.forEach((_, i) => {
      found.add(`${o.home}/${names.slice(0, i + 1).join('/')}`);
    });
  }
  return [...found]
    .filter(path => path !== ownDirectory(o.home) && !(o.mountPoints ?? []).includes(path))
    .map(path => ({ path, type: 'dir', mode: 0o755, uid: o.codeUid, gid: o.codeGid }));
}

function systemEntries(guest: GuestFiles, o: StartOptions): TarEntry[] {
  const root = { uid: 0, gid: 0 };
  const directories = [o.mountPath, ...(o.gitDirectories ?? [])];
  const hosts = (o.names?.hosts ?? []).map(({ ip, hostnames }) => [ip, ...hostnames].join(' '));
  return [
    { ...root, path: '/etc/incus-agents', type: 'dir', mode: 0o755 },
    { ...root, path: '/etc/incus-agents/bin', type: 'dir', mode: 0o755 },
    { ...root, path: '/etc/incus-agents/bin/poweroff', content: guest.power, mode: 0o755 },
    { ...root, path: '/etc/incus-agents/bin/reboot', content: guest.power, mode: 0o755 },
    { ...root, path: '/etc/incus-agents/names', content: guest.names, mode: 0o755 },
    { ...root, path: '/etc/incus-agents/hosts', content: lines(hosts), mode: 0o644 },
    { ...root, path: '/etc/incus-agents/resolvers', content: lines(o.names?.resolvers ?? []), mode: 0o644 },
    { ...root, path: '/etc/incus-agents/gitconfig', content: gitConfig(o.gitIdentity, directories), mode: 0o644 },
    ...(o.timezone === undefined ? [] : timezoneEntries(o.timezone)),
  ];
}

function lines(items: readonly string[]): string {
  return items.map(item => `${item}\n`).join('');
}
