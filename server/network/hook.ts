import { quote } from '../base/shell.ts';
import { UNPLUG } from '../incus/refused-start.ts';
import { type Rules, tableOf } from './rules.ts';
import type { Place } from './types.ts';

/*
 * What runs as root on the host, without sudo: LXC runs hooks before the container starts and after it is gone. The slot's cable is
 * there by then and not yet in the container, so the rules are in force before the first packet. They are inline, so a container
 * starts well without any program of ours.
 */

/** Where a hook leaves why it refused a start; everybody may read it. */
export const FAILED_DIRECTORY = '/run/incus-agents/network';

/** Stands for a line break in LXC's configuration, where a value is one line; no rule has it. */
export const BREAK = '~';

/**
 * $1: rules outwards, $2: inwards, $3: how it ends when they cannot be put in force. The host's end of the cable is found by the other end's `iflink`. A kernel before 5.16 cannot filter
 * what goes to the slot; that is only for comfort, so it is left out there. A chain without rules says which process keeps the container.
 */
const START = [
  `fail() { mkdir -p -m 755 ${FAILED_DIRECTORY}; printf "%s\\n" "$1" >${FAILED_DIRECTORY}/$LXC_NAME; [ $e = 0 ] || { command ${dropCommand('$LXC_NAME')}; ${UNPLUG}; }; exit $e; }`,
  'e=$3 p= m= o= d= k=',
  // The shell reads a file byte by byte, and this one has all the hooks in it: that took longer than everything else here.
  'set -f; for w in $(grep "^ *lxc\\.net\\." $LXC_CONFIG_FILE); do case $k in lxc.net.0.link) p=$w;; lxc.net.0.hwaddr) m=$w;; lxc.net.*.link) o=$k;; esac; [ "$w" = = ] || k=$w; done; set +f',
  '[ -z "$o" ] || fail "The container has more than one network card."',
  '[ -n "$p" ] && [ -n "$m" ] && read -r i </sys/class/net/$p/iflink || fail "The container has no network card on a bridge."',
  // Those of other containers come and go meanwhile.
  `for f in /sys/class/net/*/ifindex; do read -r j <$f && [ "$j" = "$i" ] && d=\${f%/ifindex}; done`,
  `d=\${d##*/}`,
  'read -r b </sys/class/net/$d/master/address || fail "The network card of the container is on no bridge."',
  `lines() { printf "%s\\n" "define cable = $d" "define slotmac = $m" "define hostmac = $b"; IFS="${BREAK}"; set -f; printf "%s\\n" $1 "add chain netdev ${tableName('$LXC_NAME')} kept-by-$PPID"; }`,
  // Deleting waits some 10 ms for the kernel's readers, so it is only done where an earlier start left its table.
  `t="table netdev ${tableName('$LXC_NAME')}"; n="create $t"; c="add $t${BREAK}delete $t"`,
  `nft() { w=$(lines "$1" | command nft -f - 2>&1); }`,
  `nft "$n${BREAK}$1${BREAK}$2" || nft "$c${BREAK}$1${BREAK}$2" || nft "$c${BREAK}$1" || fail "$w"`,
  `[ ! -e ${FAILED_DIRECTORY}/$LXC_NAME ] || rm -f ${FAILED_DIRECTORY}/$LXC_NAME`,
].join('; ');

/** Drops the table $1, unless the cable is still there: then nothing goes before it does. The kernel goes on naming a cable that is gone. */
const STOP = [
  'l=$(nft list table netdev "$1" 2>/dev/null) || exit 0',
  `d=\${l#*hook ingress device}; d=\${d#*\\"}; d=\${d%%\\"*}`,
  '[ -e "/sys/class/net/$d" ] || nft delete table netdev "$1" 2>/dev/null || :',
].join('; ');

/** The table that holds an instance's rules. */
export function tableName(instance: string): string {
  return `incus-agents-${instance}`;
}

/** The instance's name as its host-side files have it. */
export function instanceName(container: string, project: string): string {
  return project === 'default' ? container : `${project}_${container}`;
}

/**
 * The `raw.lxc` lines that put a container's rules in force before it starts, and take them away when it is gone. Only with `lenient`
 * does it start without them.
 */
export function hookLines(instance: string, place: Place, rules: Rules, lenient = false): string {
  const table = tableName(instance);
  const { outward, inward } = tableOf(table, place, rules);
  return [
    `lxc.hook.pre-start = /bin/sh -c ${quote(START)} network ${quote(outward.join(BREAK))} ${quote(inward.join(BREAK))} ${lenient ? '0' : '1'}`,
    // Incus's own hooks come first, and of those at the very end LXC leaves out the rest when one fails, as Incus's does for a container that
    // another program has deleted by then.
    `lxc.hook.stop = /bin/sh -c ${quote(STOP)} network ${table}`,
    // Incus can have started it again by then; the table is that of the new start, which the hook of another keeper must leave alone.
    `lxc.hook.post-stop = /bin/sh -c ${quote(`nft "delete chain netdev ${table} kept-by-$PPID; delete table netdev ${table}" 2>/dev/null || :`)}`,
  ].join('\n');
}

/**
 * The command that takes the rules of a start away which was refused afterwards, or those of the start before: LXC runs no further hook
 * after a refusal, and no post-stop hook before a reboot.
 */
export function dropCommand(instance: string): string {
  return `nft delete table netdev ${tableName(instance)} 2>/dev/null`;
}

/** A line of `hookLines`, by its form: other hooks name the table too, to undo what these did. */
const OWN = [
  /^lxc\.hook\.pre-start = \/bin\/sh -c '(?:[^']|'\\'')*' network '/,
  /^lxc\.hook\.stop = \/bin\/sh -c '(?:[^']|'\\'')*' network /,
  /^lxc\.hook\.post-stop = \/bin\/sh -c 'nft "delete chain netdev /,
];

/** A container's `raw.lxc` with other `hookLines` in the place of those that are there; all other lines stay, in their order. */
export function withHookLines(text: string, lines: string): string {
  const all = text.split('\n').filter(line => line !== '');
  const isOwn = (line: string) => OWN.some(form => form.test(line));
  const first = Math.max(0, all.findIndex(isOwn));
  const others = (part: string[]) => part.filter(line => !isOwn(line));
  return [...others(all.slice(0, first)), lines, ...others(all.slice(first))].join('\n');
}
