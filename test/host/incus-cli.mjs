// Talking to this machine's Incus daemon through its command line.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { asRoot, isRoot, PrepareError, permission, run, tryRun, which } from './shell.mjs';

/** The group whose members may use Incus. Being in it is as good as being root: the plan says so. */
export const adminGroup = 'incus-admin';

/** Whatever remote or project the user has chosen, this is about the local daemon's default project. */
const local = { INCUS_REMOTE: 'local', INCUS_PROJECT: 'default' };

/** The daemon's socket, as the command line finds it. */
export function socketPath() {
  return process.env.INCUS_SOCKET ?? `${process.env.INCUS_DIR ?? '/var/lib/incus'}/unix.socket`;
}

/** Whether this process may connect to the daemon itself, without sudo. */
export function socketUsable() {
  try {
    accessSync(socketPath(), constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false; // absent, or not for us
  }
}

function argv(args) {
  return isRoot || socketUsable() ? ['incus', ...args] : asRoot(['incus', ...args]);
}

/** Whether Incus can be looked at now: not before the user has agreed to sudo, if that is what it takes. */
function reachable() {
  return which('incus') !== undefined && (isRoot || socketUsable() || permission.sudo);
}

/** Runs `incus`; a failure throws. Returns its stdout. */
export function incus(args, options = {}) {
  return run(argv(args), { env: { ...process.env, ...local }, ...options });
}

/** The reply of an API path, null if it is empty, or undefined if there is none (or nobody to answer). */
export function query(path) {
  if (!reachable()) return undefined;
  const done = tryRun(argv(['query', path]), { env: { ...process.env, ...local }, timeout: 30_000 });
  if (!done.ok) return undefined;
  return done.stdout.trim() ? JSON.parse(done.stdout) : null; // an empty list is printed as nothing
}

/** Whether a daemon answers. */
export function answers() {
  return query('/1.0') !== undefined;
}

/** Whether /etc/group says that we may use Incus, whether or not this login already knows. */
export function inAdminGroup() {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find(entry => entry.startsWith(`${adminGroup}:`));
  return line?.split(':')[3]?.split(',').includes(userInfo().username) ?? false;
}

/**
 * A login from before the user joined the group cannot use the socket: run the same command again with the group, besides the user's
 * own one, which stays that of new files. Returns the exit code of that run, or undefined if it is not needed.
 */
export async function againWithGroup() {
  if (isRoot || socketUsable() || !existsSync('/etc/group') || !inAdminGroup()) return undefined;
  if (process.env.INCUS_AGENTS_WITH_GROUP) {
    throw new PrepareError(
      `You are in the group ${adminGroup}, but ${socketPath()} cannot be used. Log out and in again.`,
    );
  }
  const command = `exec ${[process.execPath, ...process.argv.slice(1)].map(quoted).join(' ')}`;
  const own = run(['id', '-gn']).trim();
  const { spawnSync } = await import('node:child_process');
  const env = { ...process.env, INCUS_AGENTS_WITH_GROUP: '1' };
  const nested = `exec sg ${quoted(own)} -c ${quoted(command)}`;
  const { status, error } = spawnSync('sg', [adminGroup, '-c', nested], { stdio: 'inherit', env });
  if (error)
    throw new PrepareError(`You are in the group ${adminGroup} now, but this login does not know yet. Log out and in.`);
  return status ?? 1;
}

function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
