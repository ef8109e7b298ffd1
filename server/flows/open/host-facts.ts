import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
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
  const seed = config.get('git.seed_host_identity');
  const [hostName, hostEmail] = seed
    ? await Promise.all([globalGit(home, 'user.name'), globalGit(home, 'user.email')])
    : ['', ''];
  const name = config.get('git.name') || hostName;
  const email = config.get('git.email') || hostEmail;
  return name === '' || email === '' ? undefined : { name, email };
}

/** A value of the user's own git configuration; run outside of every repository, so that none of theirs is read. */
async function globalGit(home: string, key: string): Promise<string> {
  try {
    const env = {
      HOME: home,
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CEILING_DIRECTORIES: '/',
    };
    const { stdout } = await run('git', ['config', '--global', '--get', key], { cwd: '/', env, timeout: 5000 });
    return stdout.trim();
  } catch {
    return ''; // No git, or no such value: then there is no identity to take over.
  }
}
