import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram, PROGRAM_PATH } from '../../base/programs.ts';
import type { EffectiveConfig } from '../../config/types.ts';

const run = promisify(execFile);

/** The time zone that the container gets; undefined leaves what its image has. */
export function timezoneOf(config: EffectiveConfig): string | undefined {
  switch (config.get('timezone.mode')) {
    case 'utc':
      return 'Etc/UTC';
    case 'fixed':
      return config.get('timezone.name') || undefined;
    default:
      return Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
}

/** Who commits inside: what is configured, else the user's own global identity on the host. */
export async function gitIdentityOf(
  config: EffectiveConfig,
  home: string,
): Promise<{ name: string; email: string } | undefined> {
  const own = { name: config.get('git.name'), email: config.get('git.email') };
  const known = own.name !== '' && own.email !== '';
  const host = !known && config.get('git.seed_host_identity') ? await globalIdentity(home) : {};
  const name = own.name || host.name;
  const email = own.email || host.email;
  return name === undefined || email === undefined ? undefined : { name, email };
}

/** From the user's own git configuration; run outside of every repository, so that none of theirs is read. */
async function globalIdentity(home: string): Promise<{ name?: string; email?: string }> {
  try {
    const env = {
      HOME: home,
      PATH: PROGRAM_PATH,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CEILING_DIRECTORIES: '/',
    };
    const argv = ['config', '--global', '--includes', '--null', '--get-regexp', '^user\\.(name|email)$'];
    const git = await findProgram('git');
    if (git === undefined) return {};
    const { stdout } = await run(git, argv, { cwd: '/', env, timeout: 5000 });
    // Each entry is its key, a line break and the value; of several the last one counts.
    const found = new Map(
      stdout.split('\0').map(entry => [entry.split('\n', 1)[0], entry.slice(entry.indexOf('\n') + 1).trim()]),
    );
    return Object.fromEntries(
      (['name', 'email'] as const).flatMap(key => (found.get(`user.${key}`) ? [[key, found.get(`user.${key}`)]] : [])),
    );
  } catch {
    return {}; // No such values: then there is no identity to take over.
  }
}
