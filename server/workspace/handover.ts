/** Directories inside that belong to the workspace's owner. */
export interface HandOver {
  /** Mount points inside: the workspace, for a worktree its repository, and what is kept of the agent. */
  paths: readonly string[];
  codeUid: number;
  codeGid: number;
  /** The owner outside is root: then no setuid or setgid bit may stay on what the agent made. */
  rootOwned: boolean;
}

/**
 * Gives what others inside (root, service users, nested containers) wrote there to `code`, which is the owner outside, so that
 * nobody needs sudo to delete it. Run as root inside before a stop. Only looks when there is nothing to do; never follows
 * a symlink, never leaves the mount; what vanishes meanwhile is no error. Exit code 0 unless `find` itself is missing.
 *
 * Changing the owner clears setuid bits; what nobody inside may own (ids that are not mapped) is left alone.
 */
export function handOverArgv(o: HandOver): string[] {
  return ['setsid', '/bin/sh', '-c', SCRIPT, 'hand-over', `${o.codeUid}`, `${o.codeGid}`, `${o.rootOwned}`, ...o.paths];
}

// 65534 stands for all ids that are not mapped: a chown of those is refused by the kernel, so they are not tried.
const SCRIPT = [
  'u=$1 g=$2 strip=$3; shift 3; command -v find >/dev/null || { echo "find is missing in the image" >&2; exit 127; }',
  'find "$@" -xdev ! -uid "$u" ! -uid 65534 -exec chown -h "$u:$g" {} + 2>/dev/null',
  'find "$@" -xdev -uid "$u" ! -gid "$g" ! -gid 65534 -exec chown -h ":$g" {} + 2>/dev/null',
  '[ "$strip" != true ] || find "$@" -xdev -uid "$u" -type f -perm /6000 -exec chmod ug-s {} + 2>/dev/null',
  'exit 0',
].join('\n');
