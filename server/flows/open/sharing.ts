import { ownDirectory } from '../../guest/start.ts';
import { stringMap } from '../../incus/parse.ts';
import type { InstanceFragment } from '../../incus/types/config.ts';
import { dropCommand, instanceName } from '../../network/hook.ts';
import { type Copy, copyWords, readCopies } from '../../sharing/copies.ts';
import { choosePorts, type Port, portDevices, portIsFree, portVariables, portWords } from '../../sharing/ports.ts';
import { type SharedSocket, socketVariables, socketWords } from '../../sharing/sockets.ts';
import { identify } from '../../slots/keys.ts';
import type { OwnedMount } from '../../workspace/mounts.ts';
import type { ProtectionPlan } from '../../workspace/protection/types.ts';
import { planSharedMounts, type SharedMounts } from '../../workspace/shared-mounts.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { mergeFragments } from '../merge-fragments.ts';
import type { OwnedSlot } from '../owned.ts';
import { sharedWords } from './credentials.ts';
import type { OpenPlan } from './prepare.ts';
import { commandVariables } from './sharing-commands.ts';
import { ownDirectories, sessionPlaces, takenPlaces } from './sharing-places.ts';
import { slotSockets } from './sharing-sockets.ts';
import { writableByAgents } from './writable.ts';

/** What of the host a slot gets besides its workspace and its session, as configured. */
export interface Sharing {
  mounts: OwnedMount[];
  /** To be merged into the instance. */
  fragment: InstanceFragment;
  /** Added once the container runs. */
  sockets: SharedSocket[];
  /** Variables for the agent and every shell of its session; nothing secret. */
  environment: Record<string, string>;
  /** Variables of the agent's process alone: what commands on the host gave. */
  secrets: Record<string, string>;
  /** Files that are written into the container. */
  copies: Copy[];
  /** Places inside whose parents the user inside has to own. */
  mountPoints: string[];
  /** Those that the slot gets with its start. */
  ports: Port[];
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
  const hostile = needsLooking(plan) ? await writableByAgents(deps, plan.workspace) : [];
  const mounts = await sharedMounts(deps, plan, place, hostile);
  const [ports, sockets, copies, secrets] = await Promise.all([
    slotPorts(deps, plan, place),
    slotSockets(deps, plan, { hostile, mounts: mounts.mounts }, context),
    slotCopies(deps, plan, hostile, mounts.mounts),
    commandVariables(deps, plan, context),
  ]);
  const environment = { ...socketVariables(sockets), ...portVariables(ports) };
  for (const note of mounts.notes) deps.message('warning', note);
  return {
    mounts: mounts.mounts,
    fragment: mergeFragments(mounts.fragment, {
      config: {
        [ENVIRONMENT_KEY]: JSON.stringify(environment),
        [PLACES_KEY]: JSON.stringify(placesOf({ copies, sockets })),
      },
      devices: portDevices(ports),
    }),
    environment,
    sockets,
    secrets,
    copies,
    mountPoints: outermost(mounts.mounts),
    ports,
    words: [
      ...mounts.mounts.map(mountWords),
      ...sockets.map(socketWords),
      ...ports.map(portWords),
      ...copies.map(copyWords),
    ],
  };
}

/** What a slot that runs was given when it was started; only what commands give is never kept, so they are asked again. */
export async function liveSharing(
  deps: FlowDeps,
  plan: OpenPlan,
  { identity, instance }: OwnedSlot,
  context: RequestContext,
): Promise<Sharing> {
  const logins = sharedWords(plan);
  const words = identity.shared.filter(word => !logins.includes(word));
  const environment = environmentOf(instance.config[ENVIRONMENT_KEY]);
  const secrets = await commandVariables(deps, plan, context);
  return { mounts: [], fragment: {}, environment, sockets: [], secrets, copies: [], mountPoints: [], ports: [], words };
}

/** Key of an instance: the variables that tell of what is shared, for a start of the agent alone. */
const ENVIRONMENT_KEY = 'user.incus-agents.shared-environment';
/** Key of an instance: where files and sockets were put, so that a later start can take them away. */
const PLACES_KEY = 'user.incus-agents.shared-places';

/** Where an earlier start put files and sockets, and this one does not. */
export function stalePlaces(config: Readonly<Record<string, string>>, sharing: Sharing): string[] {
  const now = placesOf(sharing);
  return pathsOf(config[PLACES_KEY]).filter(path => !now.includes(path));
}

function placesOf({ copies, sockets }: Pick<Sharing, 'copies' | 'sockets'>): string[] {
  return [...copies.map(({ path }) => path), ...sockets.map(({ container }) => container)];
}

function pathsOf(text: string | undefined): string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter(path => typeof path === 'string' && path.startsWith('/')) : [];
  } catch {
    return []; // Changed by another program: then nothing is known of them.
  }
}

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
  hostile: readonly string[],
): Promise<SharedMounts> {
  const wishes = plan.config.get('mounts');
  if (wishes.length === 0) return { mounts: [], fragment: {}, notes: [] };
  return planSharedMounts(plan.workspace, wishes, {
    container,
    project: deps.incus.target.project,
    home: deps.home,
    stateDirs: ownDirectories(deps),
    hostile,
    taken: sessionPlaces(plan).map(path => ({ path })),
    homeInside: plan.code.home,
    ownInside: ownDirectory(plan.code.home),
    preserve: plan.config.get('paths.preserve_workspace_path'),
    protection,
    hooks: plan.lowLevel,
    refused: dropCommand(instanceName(container, deps.incus.target.project)),
  });
}

/** Whether anything is configured that is looked up on the host. */
function needsLooking({ config }: OpenPlan): boolean {
  const lists = [config.get('mounts'), config.get('sockets'), config.get('credentials')];
  return lists.some(list => list.length > 0) || config.get('ssh.forward_agent');
}

function slotCopies(
  deps: FlowDeps,
  plan: OpenPlan,
  hostile: readonly string[],
  mounts: readonly OwnedMount[],
): Promise<Copy[]> {
  return readCopies(plan.config.get('credentials'), {
    home: deps.home,
    homeInside: plan.code.home,
    hostile: [...hostile, ...mounts.filter(m => m.readonly !== true).map(m => m.source)],
    taken: takenPlaces(plan, mounts),
  });
}

function mountWords({ source, path, readonly }: OwnedMount): string {
  return `${source} at ${path}${readonly === true ? ', to be read' : ''}`;
}
