import type { InstanceFragment } from '../incus/types/config.ts';
import { mappingFor } from './idmap.ts';
import { idmappedLines } from './idmapped.ts';
import { type OwnedMount, workspaceMounts } from './mounts.ts';
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
