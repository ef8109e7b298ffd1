import { Failure } from '../base/errors.ts';
import { isWithin } from './refuse.ts';
import type { Workspace } from './types.ts';

/** Where a workspace is inside unless its own path is kept. */
const WORKSPACE_PATH = '/workspace';

/** Places inside over which nothing may be mounted, with all below. */
const REFUSED_INSIDE = [
  ...['/etc', '/bin', '/sbin', '/usr', '/root', '/boot', '/sys', '/proc', '/dev', '/run', '/lib', '/lib32', '/lib64'],
  ...['/libx32', '/var/lib', '/var/run', '/opt/coi'],
];

/** Places inside that must stay what they are, while what lies below may be mounted. */
const REFUSED_EXACTLY = ['/', '/home', '/home/code', '/tmp', '/var', '/var/tmp', '/opt', '/mnt', '/media'];

/** One disk device of the workspace's owner: what is written on either side belongs to the owner outside and to `code` inside. */
export interface OwnedMount {
  /** Name of the device, `workspace` for the workspace itself. */
  device: string;
  source: string;
  path: string;
  readonly?: boolean;
  /** One file instead of a directory. */
  file?: boolean;
  /** Of another owner: nobody inside is that one, so it is seen as it is. */
  foreign?: boolean;
}

/** Whether something may be mounted at `path` (absolute, cleaned) in a container. */
export function isMountPoint(path: string): boolean {
  return !REFUSED_EXACTLY.includes(path) && !REFUSED_INSIDE.some(dir => isWithin(path, dir)) && !/[\0\n\r]/.test(path);
}

/**
 * Where the workspace is inside. A git worktree is always at its own path, since its repository refers back to it there:
 * under another path `git worktree prune` and `git gc` inside would throw away the worktree's index and HEAD.
 * Fails with `invalid` when its own path is asked for and cannot be a mount point.
 */
export function mountPath(ws: Workspace, preserve: boolean): string {
  if (preserve) {
    if (isMountPoint(ws.path)) return ws.path;
    throw new Failure(
      'invalid',
      `${ws.path} cannot keep its path: in the container that place belongs to the system.`,
      {
        hint: 'Turn off "preserve workspace path" for this folder, or move it.',
      },
    );
  }
  return keepsWorktree(ws) ? ws.real : WORKSPACE_PATH;
}

/** Whether the workspace's external git directory can be mounted, so that git works inside. */
function keepsWorktree(ws: Workspace): boolean {
  const common = ws.git?.commonPath;
  return ws.git?.kind === 'worktree' && common !== undefined && isMountPoint(common) && isMountPoint(ws.real);
}

/** The disk devices of a workspace: itself, and the repository of a worktree. */
export function workspaceMounts(ws: Workspace, preserve: boolean): OwnedMount[] {
  const mounts = [{ device: 'workspace', source: ws.real, path: mountPath(ws, preserve) }];
  const { commonDir, commonPath } = ws.git ?? {};
  if (commonDir === undefined || commonPath === undefined || !keepsWorktree(ws)) return mounts;
  return [...mounts, { device: 'git-worktree-common', source: commonDir, path: commonPath }];
}
