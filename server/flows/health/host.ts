import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { findProgram } from '../../base/programs.ts';
import { quote } from '../../base/shell.ts';
import type { HealthFix } from '../../protocol/types.ts';
import type { Check } from './check.ts';

const MIN_KERNEL: readonly [number, number] = [5, 15];

/** Idmapped mounts and the rest that isolation stands on came with this kernel. */
export const kernel: Check = {
  id: 'host.kernel',
  group: 'host',
  needsIncus: false,
  async run() {
    if (process.platform !== 'linux') {
      return { status: 'failed', message: `Slots need Linux; this is ${process.platform}.` };
    }
    const [major = 0, minor = 0] = release()
      .split('.')
      .map(part => Number.parseInt(part, 10));
    const old = major < MIN_KERNEL[0] || (major === MIN_KERNEL[0] && minor < MIN_KERNEL[1]);
    return old
      ? {
          status: 'warning',
          message: `Kernel ${release()} is older than ${MIN_KERNEL.join('.')}.`,
          fix: { title: `Update the kernel (${MIN_KERNEL.join('.')} or newer)` },
        }
      : { status: 'ok', message: `Kernel ${release()}.` };
  },
};

/** Terminals run the `incus` command line; everything else speaks to the daemon directly. */
export const commandLine: Check = {
  id: 'host.incus-command',
  group: 'host',
  needsIncus: false,
  async run(deps) {
    const found = await findProgram(deps.incusBinary);
    return found === undefined
      ? {
          status: 'failed',
          message: `The program ${deps.incusBinary} was not found; terminals need it.`,
          fix: { title: 'Install the Incus client', command: 'sudo apt install incus-client' },
        }
      : { status: 'ok', message: `Terminals use ${found}.` };
  },
};

/** What a container prints is filtered by a program in Perl before the editor's terminal sees it. */
export const terminalFilter: Check = {
  id: 'host.perl',
  group: 'host',
  needsIncus: false,
  async run() {
    const found = await findProgram('perl');
    return found === undefined
      ? {
          status: 'warning',
          message: 'Perl was not found: what a container prints in a terminal can read and write your clipboard.',
          fix: { title: 'Install Perl', command: 'sudo apt install perl-base' },
        }
      : { status: 'ok', message: 'Terminals are filtered.' };
  },
};

/** Where sessions and their conversations are kept must be the user's and writable. */
export const stateDirectory: Check = {
  id: 'user.state-directory',
  group: 'user',
  needsIncus: false,
  async run(deps) {
    const directory = join(deps.home, '.coi');
    try {
      await access(directory, constants.W_OK | constants.X_OK);
      return { status: 'ok', message: `Sessions are kept below ${directory}.` };
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        return { status: 'ok', message: `${directory} is made with the first slot.` };
      }
      return {
        status: 'failed',
        message: `${directory} cannot be written: ${messageOf(error)}.`,
        fix: await writable(directory, deps.uid),
      };
    }
  },
};

/** What makes a directory of the user's writable again. */
async function writable(directory: string, uid: number): Promise<HealthFix> {
  const owner = await stat(directory).catch(() => undefined);
  const title = `Make ${directory} writable`;
  if (owner === undefined) return { title };
  const own = owner.uid === uid ? 'chmod -R u+rwX' : 'sudo chown -R "$USER"';
  return { title, command: `${own} ${quote(directory)}` };
}
