import { dirname, join } from 'node:path';
import { Failure, messageOf } from '../base/errors.ts';
import { findProgram } from '../base/programs.ts';
import { quote } from '../base/shell.ts';
import type { IncusState, UnavailableReason } from '../protocol/types.ts';
import type { Http } from './http.ts';
import { serverInfo } from './server-info.ts';
import { pools, profile, rootDisk } from './storage.ts';
import { exists } from './target.ts';
import type { ServerInfo } from './types/connection.ts';

/** The newest extension that 6.0.0, the oldest supported Incus, is known to have. Not the version number: distributions carry back. */
const NEEDED = 'network_integrations';

const INSTALL = 'sudo apt install incus';
const START = 'sudo systemctl start incus.socket incus.service';
const JOIN = 'sudo usermod -aG incus-admin "$USER"';
const SET_UP = 'sudo incus admin init --minimal';

function unavailable(reason: UnavailableReason, message: string, fix?: string): IncusState {
  return { status: 'unavailable', reason, message, ...(fix === undefined ? {} : { fix }) };
}

/** Whether Incus can be used here, and if not, what to do. Never fails but for a given-up signal. */
export async function availability(http: Http, signal?: AbortSignal): Promise<IncusState> {
  if (process.platform !== 'linux')
    return unavailable(
      'not-linux',
      'Incus containers need Linux. Open the folder on a Linux machine (Remote-SSH) or in WSL2.',
    );
  try {
    return await known(http, await serverInfo(http, signal), signal);
  } catch (error) {
    if (error instanceof Failure && error.kind === 'cancelled') throw error;
    return unreachable(http.target.socketPath, error);
  }
}

async function known(http: Http, info: ServerInfo, signal: AbortSignal | undefined): Promise<IncusState> {
  const { version } = info;
  if (!info.has(NEEDED))
    return { ...unavailable('too-old', `Incus ${version} is too old. Install Incus 6.0 or newer.`), version };
  if (info.auth !== 'trusted') return { ...notPermitted(http.target.socketPath), version };
  const missing = await notInitialised(http, signal);
  return missing === undefined ? { status: 'ready', version } : { ...missing, version };
}

/** A container needs a project, and a pool for its disk; the default profile of a fresh Incus, or of a fresh project, names none. */
async function notInitialised(http: Http, signal: AbortSignal | undefined): Promise<IncusState | undefined> {
  const { project } = http.target;
  const [pool] = await pools(http, signal);
  if (pool === undefined)
    return unavailable('not-initialised', `Incus has no storage pool yet. Run \`${SET_UP}\` once.`, SET_UP);
  const standard = await profile(http, 'default', signal);
  if (standard === undefined) {
    const create = `incus project create ${word(project)}`;
    const said = `The Incus project "${project}" does not exist. Create it with \`${create}\`, or choose another one in the settings.`;
    return unavailable('no-project', said, create);
  }
  if (rootDisk(standard) !== undefined) return undefined;
  const add = `incus profile device add default root disk path=/ pool=${word(pool.name)} --project ${word(project)}`;
  const said = `The default profile of the Incus project "${project}" has no disk. Add one with \`${add}\`, or choose another project in the settings.`;
  return unavailable('no-disk', said, add);
}

/** One word of a command that a person copies. */
function word(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : quote(text);
}

async function unreachable(socketPath: string, error: unknown): Promise<IncusState> {
  if (error instanceof Failure && error.kind === 'permission') return notPermitted(socketPath);
  if (!(await exists(socketPath)) && !(await isInstalled(socketPath)))
    return unavailable('not-installed', `Incus is not installed. On Debian or Ubuntu: \`${INSTALL}\`.`, INSTALL);
  const said = messageOf(error);
  const more = said.includes('does not answer') ? '' : ` (${said})`; // not the same twice
  return unavailable(
    'not-running',
    `Incus does not answer at ${socketPath}. Start it with \`${START}\`.${more}`,
    START,
  );
}

function notPermitted(socketPath: string): IncusState {
  const said = `You may not use the Incus socket ${socketPath}. Run \`${JOIN}\`, then log out and in again.`;
  return unavailable('no-permission', said, JOIN);
}

/** Whether any part of it is there: the directory of the socket, or one of the programs. */
async function isInstalled(socketPath: string): Promise<boolean> {
  for (const program of ['incus', 'incusd', '/usr/libexec/incus/incusd'])
    if ((await findProgram(program)) !== undefined) return true;
  return exists(join(dirname(socketPath), 'database'));
}
