import { Failure } from '../base/errors.ts';
import { homeRefusal, IN_WINDOWS, windowsRefusal } from './private-places.ts';

/** Directories whose whole tree belongs to the system. */
const SYSTEM_TREES = [
  ...['/etc', '/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/boot', '/dev', '/proc', '/sys', '/run'],
  ...['/var/lib/incus', '/var/lib/lxc', '/var/lib/lxd', '/var/lib/dpkg', '/var/lib/apt', '/var/lib/systemd'],
  ...['/var/lib/docker', '/var/log', '/var/cache', '/var/run', '/var/spool', '/lost+found'],
];

/** Directories that are too broad themselves, while what lies below may be a workspace. */
const TOO_BROAD = ['/', '/var', '/var/lib', '/var/tmp', '/tmp', '/home', '/opt', '/media', '/run/media'];

/** Exceptions to SYSTEM_TREES: where desktops mount removable media. */
const ALLOWED_BELOW = ['/run/media'];

/** The same, but may be shared by who names them in the configuration. */
const NO_WORKSPACE = ['/mnt', '/srv', '/root'];

/** What no directory may hold or be. Paths are absolute. */
export interface Places {
  /** The backend's own home. */
  home: string;
  /** Where the backend and Incus keep their own state. */
  stateDirs: readonly string[];
  /** The homes of the people of this computer. */
  homes?: readonly string[];
  /** Whether this is WSL, with the drives of Windows; as the kernel says unless said. */
  windows?: boolean;
}

const HINT = 'Choose the folder of a project.';

/** Whether `path` is `directory` or lies below it; both absolute and cleaned. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** Refuses, with `invalid`, a directory that must never be writable in a container. `path` is absolute and cleaned. */
export function refuseDirectory(path: string, o: Places): void {
  const reason = refusal(path, o);
  if (reason !== undefined) throw new Failure('invalid', `${path} cannot be a workspace: ${reason}.`, { hint: HINT });
}

/**
 * Why something of the host must not be shared with a container, not even to be read; undefined if it may. Keys may: whoever names them in
 * the configuration means them. `path` is absolute and cleaned.
 */
export function shareRefusal(path: string, o: Places): string | undefined {
  if (path === '/') return 'it is the root of the file system';
  if (path === o.home) return 'it is your home directory, with your keys and logins';
  if (isWithin(o.home, path)) return 'your home directory lies in it';
  return stateRefusal(path, o.stateDirs) ?? systemRefusal(path);
}

function refusal(path: string, o: Places): string | undefined {
  const shared = shareRefusal(path, o);
  if (shared !== undefined) return shared;
  if (NO_WORKSPACE.includes(path)) return 'it is shared by the whole system';
  for (const home of [o.home, ...(o.homes ?? [])]) {
    if (path === home) return 'it is the home directory of a user, with keys and logins';
    if (isWithin(home, path)) return `the home directory ${home} lies in it`;
    const inHome = homeRefusal(path, home);
    if (inHome !== undefined) return inHome;
  }
  return (o.windows ?? IN_WINDOWS) ? windowsRefusal(path) : undefined;
}

function stateRefusal(path: string, stateDirs: readonly string[]): string | undefined {
  const state = stateDirs.find(dir => isWithin(path, dir) || isWithin(dir, path));
  return state === undefined
    ? undefined
    : `${state}, where Incus Agents or Incus keep their own data, would be inside the container`;
}

function systemRefusal(path: string): string | undefined {
  if (TOO_BROAD.includes(path)) return 'it is shared by the whole system';
  const allowed = ALLOWED_BELOW.some(dir => path !== dir && isWithin(path, dir));
  const system = allowed ? undefined : SYSTEM_TREES.find(dir => isWithin(path, dir));
  return system === undefined ? undefined : `${system} belongs to the operating system`;
}
