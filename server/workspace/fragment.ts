import type { InstanceFragment } from '../incus/types.ts';
import { mappingFor } from './idmap.ts';
import { idmappedLines } from './idmapped.ts';
import { type GuardedMount, guardLine } from './mount-guard.ts';
import { type OwnedMount, workspaceMounts } from './mounts.ts';
import { hostName } from './protection/hooks.ts';
import { isWithin } from './refuse.ts';
import type { Workspace } from './types.ts';

export interface FragmentOptions {
  container: string;
  /** Incus project, `default` unless said. */
  project?: string;
  /** Keep the workspace's own path inside. */
  preserve: boolean;
  /** Ids of the user inside who owns the workspace there. */
  codeUid: number;
  codeGid: number;
  /** Further directories, such as those of the session. */
  mounts?: readonly OwnedMount[];
  /** Take submounts along, which protected paths need (`recursive` of the devices of the workspace and of a worktree's repository). */
  recursive?: boolean;
  /** Where Incus keeps its data, /var/lib/incus unless said. */
  incusDir?: string;
}

/**
 * The devices and the id mapping of a workspace. `raw.idmap` and `raw.lxc` are lists of lines: who merges fragments
 * joins those of several with a line break.
 */
export function workspaceFragment(ws: Workspace, o: FragmentOptions): InstanceFragment {
  const mounts = [...workspaceMounts(ws, o.preserve), ...(o.mounts ?? [])];
  const devices = Object.fromEntries(mounts.map(mount => [mount.device, diskOf(mount, o.recursive === true)]));
  return { config: mappingConfig(ws, mounts, o), devices };
}

/**
 * Holds a workspace to what was looked at, where an agent of another slot could exchange it for a link: one that can write in a directory
 * above it. `hostile` is where agents can write, absolute and real. Nothing where that cannot be.
 */
export function workspaceGuard(
  ws: Workspace,
  o: Pick<FragmentOptions, 'container' | 'project' | 'preserve' | 'incusDir'> & { hostile: readonly string[] },
): InstanceFragment {
  const guarded = workspaceMounts(ws, o.preserve).flatMap(({ device, source, path }): GuardedMount[] => {
    const identity = device === 'workspace' ? ws.identity : ws.git?.commonIdentity;
    const exchangeable = o.hostile.some(directory => directory !== source && isWithin(source, directory));
    return exchangeable && identity !== undefined ? [{ device, source, path, identity }] : [];
  });
  if (guarded.length === 0) return {};
  const instance = hostName(o.container, o.project ?? 'default');
  return { config: { 'raw.lxc': guardLine(guarded, { instance, incusDir: o.incusDir ?? '/var/lib/incus' }) } };
}

function diskOf(mount: OwnedMount, recursive: boolean): Record<string, string> {
  return {
    type: 'disk',
    source: mount.source,
    path: mount.path,
    ...(mount.readonly === true ? { readonly: 'true' } : {}),
    ...(recursive && (mount.device === 'workspace' || mount.device === 'git-worktree-common')
      ? { recursive: 'true' }
      : {}),
  };
}

function mappingConfig(ws: Workspace, mounts: OwnedMount[], o: FragmentOptions): Record<string, string> {
  if (mappingFor(ws) === 'raw') return { 'raw.idmap': `uid ${ws.uid} ${o.codeUid}\ngid ${ws.gid} ${o.codeGid}` };
  const { uid, gid } = ws;
  const { codeUid, codeGid, container, project = 'default', incusDir = '/var/lib/incus' } = o;
  const own = mounts.filter(mount => mount.foreign !== true);
  return { 'raw.lxc': idmappedLines(own, { uid, gid, codeUid, codeGid, container, project, incusDir }) };
}
