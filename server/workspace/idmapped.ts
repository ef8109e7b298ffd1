import type { OwnedMount } from './mounts.ts';
import { encodeForMountTable, stagedName } from './protection/text.ts';

/**
 * Mounts for a folder that belongs to the host's root (uid or gid 0). raw.idmap cannot do it: the container would not start, and
 * a process inside with the kernel's uid 0 could write the host's /proc/sys. So only the *mount* is translated: on disk 0, inside `code`.
 *
 * Incus has no option for that, LXC has: a mount entry with `idmap=<user namespace>`. A pre-start hook, which LXC runs as root
 * on the host, makes a namespace with the wanted map and pins it in /run; once everything is mounted the start-host hook
 * removes it. The entries lie over the ones that Incus makes from the devices of the same paths, and take the tree that
 * Incus staged for them, with what others bound below it.
 */
export interface IdmappedOptions {
  uid: number;
  gid: number;
  codeUid: number;
  codeGid: number;
  /** Instance name, and its project. */
  container: string;
  project: string;
  /** Where Incus keeps its data. */
  incusDir: string;
}

const PINS = '/run/incus-agents/userns';

/** Also after a start that failed half-way. */
const UNPIN = `f=${PINS}/$LXC_NAME; umount "$f" 2>/dev/null; rm -f "$f"; true`;

/** The `raw.lxc` lines. Needs a project without restrictions on low-level options. */
export function idmappedLines(mounts: readonly OwnedMount[], o: IdmappedOptions): string {
  const name = o.project === 'default' ? o.container : `${o.project}_${o.container}`;
  const entries = mounts.map(mount => {
    const staged = `${o.incusDir}/devices/${name}/${stagedName(mount.device, mount.path)}`;
    const options = `rbind,create=${mount.file === true ? 'file' : 'dir'},${mount.readonly === true ? 'ro,' : ''}idmap=${PINS}/${name}`;
    return `lxc.mount.entry = ${encodeForMountTable(staged)} ${encodeForMountTable(mount.path.slice(1))} none ${options} 0 0`;
  });
  return [
    `lxc.hook.pre-start = /bin/sh -c '${pinScript(o)}'`,
    `lxc.hook.start-host = /bin/sh -c '${UNPIN}'`,
    `lxc.hook.post-stop = /bin/sh -c '${UNPIN}'`,
    ...entries,
  ].join('\n');
}

function pinScript(o: IdmappedOptions): string {
  return [
    // The mounts are made by the container's root, who must be able to reach the pin.
    `set -eu; f=${PINS}/$LXC_NAME; mkdir -p ${PINS}; chmod 711 ${PINS}`,
    'while umount "$f" 2>/dev/null; do :; done; : >"$f"',
    'unshare -U sleep 60 >/dev/null 2>&1 & p=$!; trap "kill $p" EXIT; i=0',
    'while [ "$(readlink /proc/$p/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do i=$((i+1)); [ $i -lt 500 ]; sleep 0.01; done',
    // The container's own range, which Incus decides at each start.
    `range() { sed -n "s/^lxc.idmap = $1 0 //p" "$LXC_CONFIG_FILE"; }`,
    `set -- $(range u); ${mapLines(o.uid, o.codeUid)} >/proc/$p/uid_map`,
    `set -- $(range g); ${mapLines(o.gid, o.codeGid)} >/proc/$p/gid_map`,
    'mount --bind /proc/$p/ns/user "$f"',
  ].join('; ');
}

/** On disk `owner` is `code` inside; every other id of the container ($1: first, $2: count) is on disk what the kernel has for it. */
function mapLines(owner: number, code: number): string {
  const lines = [`${owner} $(($1+${code})) 1`];
  if (code > 0) lines.push(`$1 $1 ${code}`);
  lines.push(`$(($1+${code + 1})) $(($1+${code + 1})) $(($2-${code + 1}))`);
  return `printf "%s\\n" ${lines.map(line => `"${line}"`).join(' ')}`;
}
