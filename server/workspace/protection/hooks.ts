import { quote } from '../../base/shell.ts';
import { UNPLUG } from '../../incus/refused-start.ts';
import { LOCK } from './lock-script.ts';
import { SWEEP } from './sweep-script.ts';
import { encodeForMountTable, gitPattern, stagedName } from './text.ts';
import { type Content, type Item, NOWHERE, SAME, type Tree } from './types.ts';

/*
 * What runs as root on the host, without sudo: LXC runs hooks before the container has a mount namespace, and after it is
 * gone. They are inline, so containers start and stop well without any program of ours.
 */

/** Stands for a line break in LXC's configuration, where a value is one line. */
const BREAK = '~';

/** Sets x to the text $1 with its line breaks; a loop over the lines takes ten times as long. */
const UNFOLD = 'u() { x=$(IFS="~"; set -f; printf "%s\\n" $1); }';

/**
 * Locks; sweeps first if there is something to sweep, and again if locking failed, since LXC runs no hook after a start that a
 * hook refused; for the same reason `refused` undoes then what other hooks did before. $M is the process that keeps the container.
 */
const START = (refused: string): string =>
  [
    `export M=$PPID; ${UNFOLD}; u "$1"; lock=$x sweep=$2 me=$3; shift 3`,
    's() { u "$sweep"; unshare -m --propagation private /bin/sh -c "$x" protect $me; }',
    'l() { timeout 60 /bin/sh -c "$lock" protect "$@"; }',
    `l "$@"; r=$?; [ $r != 75 ] || { s; l "$@"; r=$?; }; [ $r = 0 ] || { s; ${refused}; ${UNPLUG}; exit 1; }`,
  ].join('; ');

/** Only what the container had from this keeper: one that started again meanwhile has its own, which a late hook must leave alone. */
const STOP = `${UNFOLD}; u "$1"; exec unshare -m --propagation private /bin/sh -c "$x" protect "$2" $PPID`;

/** The command that clears what belongs to containers that are gone, and to `instance`. */
export function sweepCommand(instance: string): string {
  return `/bin/sh -c ${quote(STOP)} protect ${quote(folded(SWEEP))} ${quote(instance)}`;
}

/** The `raw.lxc` lines that lock the trees of a container before it starts, and clear up when it is gone. */
export function hookLines(
  trees: readonly Tree[],
  o: { instance: string; owner: string; flags: boolean; incusDir: string; refused?: string },
): string {
  const rows = trees.flatMap(tree => treeRows(tree, `${o.incusDir}/devices/${o.instance}`));
  const words = [folded(LOCK), folded(SWEEP), o.instance, o.owner, o.flags ? '1' : '0', ...rows];
  return [
    `lxc.hook.pre-start = /bin/sh -c ${quote(START(o.refused ?? ':'))} protect ${words.map(quote).join(' ')}`,
    // The first runs before Incus says that it stopped, so that who waits for that finds everything cleared.
    `lxc.hook.stop = ${sweepCommand(o.instance)}`,
    `lxc.hook.post-stop = ${sweepCommand(o.instance)}`,
  ].join('\n');
}

/** The instance's name as its directory on the host has it. */
export function hostName(container: string, project: string): string {
  return project === 'default' ? container : `${project}_${container}`;
}

/** A script without its comments and indentation, in one line. */
function folded(script: string): string {
  const lines = script.split('\n').map(line => line.trim());
  return lines.filter(line => line !== '' && !line.startsWith('#')).join(BREAK);
}

function treeRows(tree: Tree, devices: string): string[] {
  const staged = `${devices}/${stagedName(tree.device, tree.path)}`;
  const first = ['T', staged, encodeForMountTable(staged), tree.source, tree.identity].join('\t');
  const rest = tree.items.map(item => {
    const row = [letterOf(item), item.path, encodeForMountTable(item.path)];
    return [...row, ...(item.visible === true ? [gitPattern(item.path)] : [])].join('\t');
  });
  const last = tree.exclude === undefined ? [] : [`X\t${tree.exclude}\t${encodeForMountTable(tree.exclude)}`];
  return [first, ...rest, ...last];
}

const FILE_LETTERS: Readonly<Record<Content, string>> = { '': 'F', '{}': 'J', [SAME]: 'C', [NOWHERE]: 'N' };

function letterOf(item: Item): string {
  if (item.action === 'pin') return 'P';
  if (item.action === 'hide') return item.kind === 'dir' ? 'S' : 's';
  if (item.kind === 'dir') return item.unflagged === true ? 'E' : 'D';
  return FILE_LETTERS[item.content ?? ''];
}
