import { lstat } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';
import { readUntrusted } from '../base/files.ts';
import { quote } from '../base/shell.ts';
import { UNPLUG } from '../incus/refused-start.ts';
import { hostName } from './protection/hooks.ts';
import { stagedName } from './protection/text.ts';

/** Where the hook leaves why it refused a start; everybody may read it. */
const FAILED = '/run/incus-agents/mounts';
/** Milliseconds for which a reason counts: an older one is that of an earlier start. */
const RECENT = 30_000;
const LIMIT = 4096;

/** A mount, and the thing on the host that was looked at when it was allowed. */
export interface GuardedMount {
  device: string;
  source: string;
  path: string;
  /** `<device number>:<inode>`, as stat(1) writes them. */
  identity: string;
}

/**
 * $1: the mount as Incus has prepared it, $2: its identity, $3: its source; and so on. One line, as LXC wants it. LXC runs no hook after a
 * start that a hook refused, and only some before a reboot, so `refused` undoes then what other hooks did before.
 */
const script = (refused: string): string =>
  `f=${FAILED}/$LXC_NAME; [ ! -e "$f" ] || rm -f "$f"; ` +
  'while [ $# -gt 2 ]; do [ "$(stat -c %d:%i -- "$1" 2>/dev/null)" = "$2" ] || ' +
  `{ mkdir -p -m 755 ${FAILED}; printf "%s\\n" "$3" >"$f"; ${refused}; ${UNPLUG}; exit 1; }; shift 3; done`;

/**
 * The `raw.lxc` line that lets a container start only with what was allowed. Incus looks up the sources at each start anew, also at one that root
 * inside brought about with `reboot`; an agent that can write where a source lies could put a link in its place meanwhile.
 */
export function guardLine(
  mounts: readonly GuardedMount[],
  o: { instance: string; incusDir: string; refused?: string },
): string {
  const words = mounts.flatMap(({ device, source, path, identity }) => [
    `${o.incusDir}/devices/${o.instance}/${stagedName(device, path)}`,
    identity,
    source,
  ]);
  return `lxc.hook.pre-start = /bin/sh -c ${quote(script(o.refused ?? ':'))} mounts ${words.map(quote).join(' ')}`;
}

/** Why the guard refused a start that has just failed; undefined if it did not. */
export async function guardFailure(container: string, project: string): Promise<Failure | undefined> {
  const path = `${FAILED}/${hostName(container, project)}`;
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined || Date.now() - stats.mtimeMs > RECENT) return undefined;
  const source = (await readUntrusted(path, LIMIT))?.toString('utf8').trim();
  if (source === undefined || source === '') return undefined;
  return new Failure('isolation', `${source}, which is to be mounted, is not what it was a moment ago.`, {
    hint: 'Look at it: an agent may have put a link in its place. Then open the slot again.',
  });
}
