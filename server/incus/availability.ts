import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { Failure, messageOf } from '../base/errors.ts';
import type { IncusState, UnavailableReason } from '../protocol/types.ts';
import type { Http } from './http.ts';
import { serverInfo } from './server-info.ts';
import { pools, profile, rootDisk } from './storage.ts';
import { exists } from './target.ts';
import type { ServerInfo } from './types.ts';

/** The newest extension that 6.0.0, the oldest supported Incus, is known to have. Not the version number: distributions carry back. */
const NEEDED = 'network_integrations';

function unavailable(reason: UnavailableReason, message: string, version?: string): IncusState {
  return { status: 'unavailable', reason, message, ...(version ? { version } : {}) };
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
    return unavailable('too-old', `Incus ${version} is too old. Install Incus 6.0 or newer.`, version);
  if (info.auth !== 'trusted') return unavailable('no-permission', permissionMessage(http.target.socketPath), version);
  const problem = await notInitialised(http, signal);
  return problem === undefined ? { status: 'ready', version } : unavailable('not-initialised', problem, version);
}

/** A container needs a pool for its disk; the default profile of a fresh Incus names none. */
async function notInitialised(http: Http, signal: AbortSignal | undefined): Promise<string | undefined> {
  if ((await pools(http, signal)).length === 0)
    return 'Incus has no storage pool yet. Run `sudo incus admin init` once.';
  const standard = await profile(http, 'default', signal);
  if (standard === undefined)
    return `The Incus project "${http.target.project}" does not exist. Create it with \`incus project create ${http.target.project}\`, or choose another one in the settings.`;
  return rootDisk(standard) !== undefined
    ? undefined
    : 'The default profile of Incus has no disk. Run `sudo incus admin init` once, or add one: `incus profile device add default root disk path=/ pool=<pool>`.';
}

async function unreachable(socketPath: string, error: unknown): Promise<IncusState> {
  if (error instanceof Failure && error.kind === 'permission')
    return unavailable('no-permission', permissionMessage(socketPath));
  if (!(await exists(socketPath)) && !(await isInstalled(socketPath)))
    return unavailable('not-installed', 'Incus is not installed. On Debian or Ubuntu: `sudo apt install incus`.');
  const said = messageOf(error);
  const more = said.includes('does not answer') ? '' : ` (${said})`; // not the same twice
  return unavailable(
    'not-running',
    `Incus does not answer at ${socketPath}. Start it with \`sudo systemctl start incus\`.${more}`,
  );
}

function permissionMessage(socketPath: string): string {
  return `You may not use the Incus socket ${socketPath}. Run \`sudo usermod -aG incus-admin $USER\`, then log out and in again.`;
}

/** Whether any part of it is there: the directory of the socket, or one of the programs. */
async function isInstalled(socketPath: string): Promise<boolean> {
  const directories = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/bin',
    '/usr/sbin',
    '/usr/libexec/incus',
    '/opt/incus/bin',
  ];
  const programs = directories.filter(Boolean).flatMap(d => [join(d, 'incus'), join(d, 'incusd')]);
  for (const program of programs) if (await isExecutable(program)) return true;
  return exists(join(dirname(socketPath), 'database'));
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
