import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agentNamed } from '../../agents/registry.ts';
import type { Agent } from '../../agents/types.ts';
import type { EffectiveConfig } from '../../config/types.ts';
import type { ConfigValues } from '../../config/values.ts';
import type { Bridge } from '../../network/bridge.ts';
import type { SlotOpenParams } from '../../protocol/methods.ts';
import { checkFileSystem } from '../../workspace/filesystem.ts';
import { checkIdMap, mappingFor } from '../../workspace/idmap.ts';
import { mountPath } from '../../workspace/mounts.ts';
import { resolveWorkspace } from '../../workspace/resolve.ts';
import type { Workspace } from '../../workspace/types.ts';
import type { CodeUser } from '../code-user.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { effectiveConfig } from '../effective.ts';
import { requireConsent } from './consent.ts';
import { declaredAgents } from './declared.ts';
import { imageFor } from './image.ts';
import { lookAround } from './surroundings.ts';
import { writableByAgents } from './writable.ts';

/** Everything that is known before anything is made. */
export interface OpenPlan {
  workspace: Workspace;
  config: EffectiveConfig;
  agent: Agent;
  /** Alias or fingerprint as asked for. */
  image: string;
  /** The image that this means now. Asked for already; a failure shows where it is needed, which is for a new container only. */
  fingerprint: Promise<string>;
  persistent: boolean;
  mountPath: string;
  code: CodeUser;
  isolatedIds: boolean;
  /** The Incus project permits low-level options. */
  lowLevel: boolean;
  /** Asked for already; a failure shows where it is needed. */
  bridge: Promise<Bridge>;
}

/** What an open may say besides its folder; undefined leaves the choice to the configuration. */
export type OpenRequest = {
  [K in keyof Omit<SlotOpenParams, 'progress' | 'background'>]: SlotOpenParams[K] | undefined;
} & {
  workspace: string;
  /** Whether the workspace keeps its path inside, where a session was made that way. */
  preserve?: boolean | undefined;
};

/**
 * Looks at everything that an open depends on and changes nothing. Each thing that is not right is its own typed failure.
 * `madeFrom` is the image of a container that is there already: it need not exist any more.
 */
export async function prepareOpen(
  deps: FlowDeps,
  request: OpenRequest,
  context: RequestContext,
  madeFrom?: string,
): Promise<OpenPlan> {
  const asked = lookAround(deps, context.signal);
  const workspace = await workspaceAt(deps, request.workspace);
  await requireConsent(deps, workspace, context);
  const config = await effectiveConfig(deps, workspace.path, context, launchOf(request));
  config.requireValid();
  const image = madeFrom ?? config.get('container.image');
  const fingerprint = madeFrom === undefined ? imageFor(deps, image, context) : Promise.resolve('');
  fingerprint.catch(() => {});
  const [isolatedIds, lowLevel] = await Promise.all([
    hasIdRanges(),
    asked.lowLevel,
    mappingFor(workspace) === 'raw' ? checkIdMap(workspace.uid, workspace.gid) : checkFileSystem(workspace),
  ]);
  return {
    workspace,
    config,
    agent: agentNamed(config.get('tool.name'), declaredAgents(config)),
    image,
    fingerprint,
    persistent: config.get('container.persistent'),
    mountPath: mountPath(workspace, config.get('paths.preserve_workspace_path')),
    code: codeUserOf(config),
    isolatedIds,
    lowLevel,
    bridge: asked.bridge,
  };
}

/** A folder that is to be opened: see `resolveWorkspace`. */
export function workspaceAt(deps: FlowDeps, path: string): Promise<Workspace> {
  const hostile = () => writableByAgents(deps);
  return resolveWorkspace(path, { home: deps.home, stateDirs: stateDirectories(deps), uid: deps.uid, hostile });
}

/** Where the backend and Incus keep their own state: no workspace may contain it or lie in it. */
export function stateDirectories(deps: FlowDeps): string[] {
  return [join(deps.home, '.coi'), '/var/lib/incus', `/run/user/${deps.uid}/incus-agents`];
}

function launchOf(request: OpenRequest): { profile?: string; launch: Partial<ConfigValues> } {
  return {
    ...(request.profile === undefined ? {} : { profile: request.profile }),
    launch: {
      ...(request.agent === undefined ? {} : { 'tool.name': request.agent }),
      ...(request.image === undefined ? {} : { 'container.image': request.image }),
      ...(request.persistent === undefined ? {} : { 'container.persistent': request.persistent }),
      ...(request.preserve === undefined ? {} : { 'paths.preserve_workspace_path': request.preserve }),
    },
  };
}

function codeUserOf(config: EffectiveConfig): CodeUser {
  const uid = config.get('incus.code_uid');
  const name = config.get('incus.code_user');
  return uid === 0 ? { uid: 0, gid: 0, name: 'root', home: '/root' } : { uid, gid: uid, name, home: `/home/${name}` };
}

/** Ids that each container gets of its own, and how many containers' worth root must have for it to be worth it. */
const IDS_PER_CONTAINER = 200_000;
const CONTAINERS = 100;

/** Whether root's ranges are large enough for every container to get ids of its own. */
async function hasIdRanges(): Promise<boolean> {
  const texts = await Promise.all(['/etc/subuid', '/etc/subgid'].map(path => readFile(path, 'utf8').catch(() => '')));
  return texts.every(text =>
    text.split('\n').some(line => {
      const [owner, , count] = line.split(':');
      return (owner === 'root' || owner === '0') && Number(count) >= IDS_PER_CONTAINER * CONTAINERS;
    }),
  );
}
