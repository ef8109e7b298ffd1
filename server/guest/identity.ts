import { Failure } from '../base/errors.ts';
import type { TarEntry } from './tar.ts';

/**
 * System-wide git configuration inside: who commits, and that the workspace may be used by root too. `gc` leaves other worktrees
 * of the repository alone, whose directories are not there.
 */
export function gitConfig(
  identity: { name: string; email: string } | undefined,
  directories: readonly string[],
): string {
  const user = identity === undefined ? '' : `\tname = ${value(identity.name)}\n\temail = ${value(identity.email)}\n`;
  const safe = directories.map(path => `\tdirectory = ${value(path)}\n`).join('');
  return `[user]\n\tuseConfigOnly = true\n${user}[safe]\n${safe}[gc]\n\tworktreePruneExpire = never\n`;
}

function value(text: string): string {
  const escaped = text
    .replace(/[\0\r]/g, '')
    .replace(/["\\]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t');
  return `"${escaped}"`;
}

/** What sets the time zone of the container. Fails with `config` for a name that cannot be one. */
export function timezoneEntries(name: string): TarEntry[] {
  if (!/^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+){0,2}$/.test(name))
    throw new Failure('config', `${JSON.stringify(name)} is not the name of a time zone.`, {
      hint: 'Write it like Europe/Berlin.',
    });
  const root = { uid: 0, gid: 0 };
  return [
    { ...root, path: '/etc/localtime', type: 'symlink', content: `/usr/share/zoneinfo/${name}`, mode: 0o777 },
    { ...root, path: '/etc/timezone', content: `${name}\n`, mode: 0o644 },
  ];
}
