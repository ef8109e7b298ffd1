import type { Instance } from '../incus/types/instance.ts';

/** The user inside that the agent runs as. */
export interface CodeUser {
  uid: number;
  gid: number;
  name: string;
  home: string;
}

const DEFAULT: CodeUser = { uid: 1000, gid: 1000, name: 'code', home: '/home/code' };

/** Who the agent runs as in a container: what was stored when it was made, else the user `code` of coi's images. */
export function codeUser(instance: Instance): CodeUser {
  const stored = instance.config['user.incus-agents.user'];
  const match = stored === undefined ? null : /^(\d{1,9}):(\d{1,9}):([a-z_][a-z0-9_-]*):(\/.*)$/.exec(stored);
  if (match === null) return DEFAULT;
  const [, uid = '', gid = '', name = '', home = ''] = match;
  return { uid: Number(uid), gid: Number(gid), name, home };
}

/** The value that `codeUser` reads back. */
export function storedUser(user: CodeUser): string {
  return `${user.uid}:${user.gid}:${user.name}:${user.home}`;
}
