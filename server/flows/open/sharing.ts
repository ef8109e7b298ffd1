import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { mountedDirs } from '../../agents/signal.ts';
import { ownDirectory } from '../../guest/start.ts';
import { stringMap } from '../../incus/parse.ts';
import type { InstanceFragment } from '../../incus/types.ts';
import { choosePorts, type Port, portDevices, portIsFree, portVariables, portWords } from '../../sharing/ports.ts';
import { identify } from '../../slots/keys.ts';
import type { OwnedMount } from '../../workspace/mounts.ts';
import { allowsHooks } from '../../workspace/protection/support.ts';
import type { ProtectionPlan } from '../../workspace/protection/types.ts';
import { planSharedMounts, type SharedMounts } from '../../workspace/shared-mounts.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { mergeFragments } from '../merge-fragments.ts';
import type { OwnedSlot } from '../owned.ts';
import { credentialsOf, sharedWords } from './credentials.ts';
import { type OpenPlan, stateDirectories } from './prepare.ts';

/** What of the host a slot gets besides its workspace and its session, as configured. */
export interface Sharing {
  mounts: OwnedMount[];
  /** To be merged into the instance. */
  fragment: InstanceFragment;
  /** Variables for the agent and every shell of its session; nothing secret. */
  environment: Record<string, string>;
  /** Places inside whose parents the user inside has to own. */
  mountPoints: string[];
  /** For the UI and the agent. */
  words: string[];
}

/** Where a slot is opened. */
export interface SharingPlace {
  container: string;
  slot: number;
  protection: ProtectionPlan;
}

/** Looks at everything that configuration shares with a slot, and makes nothing. Each thing that is not right is its own typed failure. */
export async function slotSharing(
  deps: FlowDeps,
  plan: OpenPlan,
  place: SharingPlace,
  context: RequestContext,
): Promise<Sharing> {
  const [mounts, ports] = await Promise.all([
    sharedMounts(deps, plan, place, context.signal),
    slotPorts(deps, plan, place),
  ]);
  const environment = portVariables(ports);
  for (const note of mounts.notes) deps.message('warning', note);
  return {
    mounts: mounts.mounts,
    fragment: mergeFragments(mounts.fragment, {
      config: { [ENVIRONMENT_KEY]: JSON.stringify(environment) },
      devices: portDevices(ports),
    }),
    environment,
    mountPoints: outermost(mounts.mounts),
    words: [...mounts.mounts.map(mountWords), ...ports.map(portWords)],
  };
}

/** What a slot that runs was given when it was started. */
export function liveSharing(plan: OpenPlan, { identity, instance }: OwnedSlot): Sharing {
  const logins = sharedWords(plan);
  const words = identity.shared.filter(word => !logins.includes(word));
  const environment = environmentOf(instance.config[ENVIRONMENT_KEY]);
  return { mounts: [], fragment: {}, environment, mountPoints: [], words };
}

/** Key of an instance: the variables that tell of what is shared, for a start of the agent alone. */
const ENVIRONMENT_KEY = 'user.incus-agents.shared-environment';

function environmentOf(text: string | undefined): Record<string, string> {
  try {
    return stringMap(JSON.parse(text ?? '{}'));
  } catch {
    return {}; // Changed by another program: then the agent is not told.
  }
}

async function slotPorts(deps: FlowDeps, { config }: OpenPlan, { container, slot }: SharingPlace): Promise<Port[]> {
  const wishes = { pool: config.get('ports.pool'), map: config.get('ports.map') };
  return choosePorts(wishes, { container, slot, isFree: portIsFree, holder: port => portHolder(deps, port) });
}

/** Which of our slots listens on a port of this computer. */
function portHolder(deps: FlowDeps, port: number): string | undefined {
  const listens = new RegExp(`^tcp:.*[:,]${port}(,|$)`);
  for (const instance of deps.board.instances()) {
    if (!instance.running && !instance.frozen) continue;
    const identity = identify(instance);
    const device = Object.values(instance.devices).find(one => one.bind === 'host' && listens.test(one.listen ?? ''));
    if (identity !== undefined && device !== undefined) return `slot ${identity.slot} of ${identity.workspace}`;
  }
  return undefined;
}

/** Without what lies in another one, where the host has the directories. */
function outermost(mounts: readonly OwnedMount[]): string[] {
  const paths = mounts.map(mount => mount.path);
  return paths.filter(path => !paths.some(other => path.startsWith(`${other}/`)));
}

async function sharedMounts(
  deps: FlowDeps,
  plan: OpenPlan,
  { container, protection }: SharingPlace,
  signal: AbortSignal,
): Promise<SharedMounts> {
  const wishes = plan.config.get('mounts');
  if (wishes.length === 0) return { mounts: [], fragment: {}, notes: [] };
  const [hostile, hooks] = await Promise.all([writableByAgents(deps), allowsHooks(deps.incus, signal)]);
  return planSharedMounts(plan.workspace, wishes, {
    container,
    project: deps.incus.target.project,
    home: deps.home,
    stateDirs: ownDirectories(deps),
    hostile,
    taken: takenInside(plan),
    homeInside: plan.code.home,
    ownInside: ownDirectory(plan.code.home),
    preserve: plan.config.get('paths.preserve_workspace_path'),
    protection,
    hooks,
  });
}

/** What belongs to the backend and to Incus, wherever its socket is. */
function ownDirectories(deps: FlowDeps): string[] {
  return [...stateDirectories(deps), dirname(deps.incus.target.socketPath)];
}

/** Where the session and a shared login will be. */
function takenInside(plan: OpenPlan): { path: string }[] {
  const { directory } = plan.agent.login;
  const shared = credentialsOf(plan)?.source === 'shared' && directory !== undefined ? [directory] : [];
  return [...shared, ...mountedDirs(plan.agent).map(dir => dir.home)].map(path => ({
    path: `${plan.code.home}/${path}`,
  }));
}

/** Every directory of the host in which an agent can write, or could: what it left there stays. */
async function writableByAgents(deps: FlowDeps): Promise<string[]> {
  const disks = deps.board
    .instances()
    .flatMap(instance => Object.values(instance.expandedDevices))
    .flatMap(({ type, source, readonly }) => (type === 'disk' && readonly !== 'true' && source ? [source] : []));
  const sessions = await deps.sessions.list();
  const paths = new Set([...disks.filter(path => path.startsWith('/')), ...sessions.map(({ workspace }) => workspace)]);
  return Promise.all([...paths].map(path => realpath(path).catch(() => path)));
}

function mountWords({ source, path, readonly }: OwnedMount): string {
  return `${source} at ${path}${readonly === true ? ', to be read' : ''}`;
}
