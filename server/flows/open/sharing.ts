import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { mountedDirs } from '../../agents/signal.ts';
import { Failure } from '../../base/errors.ts';
import { ownDirectory } from '../../guest/start.ts';
import { stringMap } from '../../incus/parse.ts';
import type { InstanceFragment } from '../../incus/types.ts';
import { choosePorts, type Port, portDevices, portIsFree, portVariables, portWords } from '../../sharing/ports.ts';
import {
  planSocket,
  type SharedSocket,
  type SocketOptions,
  socketVariables,
  socketWords,
} from '../../sharing/sockets.ts';
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
  /** Added once the container runs. */
  sockets: SharedSocket[];
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
  const hostile = needsLooking(plan) ? await writableByAgents(deps) : [];
  const mounts = await sharedMounts(deps, plan, place, hostile, context.signal);
  const [ports, sockets] = await Promise.all([
    slotPorts(deps, plan, place),
    slotSockets(deps, plan, { hostile, mounts: mounts.mounts }, context),
  ]);
  const environment = { ...socketVariables(sockets), ...portVariables(ports) };
  for (const note of mounts.notes) deps.message('warning', note);
  return {
    mounts: mounts.mounts,
    fragment: mergeFragments(mounts.fragment, {
      config: { [ENVIRONMENT_KEY]: JSON.stringify(environment) },
      devices: portDevices(ports),
    }),
    environment,
    sockets,
    mountPoints: outermost(mounts.mounts),
    words: [...mounts.mounts.map(mountWords), ...sockets.map(socketWords), ...ports.map(portWords)],
  };
}

/** What a slot that runs was given when it was started. */
export function liveSharing(plan: OpenPlan, { identity, instance }: OwnedSlot): Sharing {
  const logins = sharedWords(plan);
  const words = identity.shared.filter(word => !logins.includes(word));
  const environment = environmentOf(instance.config[ENVIRONMENT_KEY]);
  return { mounts: [], fragment: {}, environment, sockets: [], mountPoints: [], words };
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

/** The sockets that are configured, and the SSH agent of the client, which a slot can do without. */
async function slotSockets(
  deps: FlowDeps,
  plan: OpenPlan,
  { hostile, mounts }: { hostile: readonly string[]; mounts: readonly OwnedMount[] },
  context: RequestContext,
): Promise<SharedSocket[]> {
  const wishes = plan.config.get('sockets');
  const options: SocketOptions = {
    hostile: [...hostile, plan.workspace.real, ...mounts.filter(m => m.readonly !== true).map(m => m.source)],
    stateDirs: ownDirectories(deps),
    incusSocket: deps.incus.target.socketPath,
    uid: deps.uid,
    gid: process.getgid?.() ?? deps.uid,
    groups: process.getgroups?.() ?? [],
    taken: [plan.mountPath, ...takenInside(plan).map(({ path }) => path), ...mounts.map(({ path }) => path)],
  };
  const taken = (i: number) => [
    ...[...options.taken, ownDirectory(plan.code.home)],
    ...wishes.slice(0, i).map(({ container }) => container),
  ];
  const sockets = await Promise.all(wishes.map((wish, i) => planSocket(wish, { ...options, taken: taken(i) })));
  const agent = plan.config.get('ssh.forward_agent') ? await sshAgent(deps, plan, options, context) : undefined;
  return agent === undefined ? sockets : [agent, ...sockets];
}

/** The SSH agent of the client that opens the slot. Without one, which the user is told, git asks for what it needs. */
async function sshAgent(
  deps: FlowDeps,
  plan: OpenPlan,
  options: SocketOptions,
  { client }: RequestContext,
): Promise<SharedSocket | undefined> {
  const { SSH_AUTH_SOCK: host } = await client.environment(['SSH_AUTH_SOCK']);
  const container = `${ownDirectory(plan.code.home)}/ssh-agent.sock`;
  try {
    if (host !== undefined && isAbsolute(host))
      return await planSocket({ host, container, env: 'SSH_AUTH_SOCK' }, options);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'not-found') throw error;
  }
  const text = 'The SSH agent is not shared: none runs where the editor was started (SSH_AUTH_SOCK).';
  deps.message(
    'warning',
    `${text} Start one (eval "$(ssh-agent)"; ssh-add), then the editor, and start the slot again.`,
  );
  return undefined;
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
  signal: AbortSignal,
): Promise<SharedMounts> {
  const wishes = plan.config.get('mounts');
  if (wishes.length === 0) return { mounts: [], fragment: {}, notes: [] };
  const hooks = await allowsHooks(deps.incus, signal);
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

/** Whether anything is configured that is looked up on the host. */
function needsLooking({ config }: OpenPlan): boolean {
  return config.get('mounts').length + config.get('sockets').length > 0 || config.get('ssh.forward_agent');
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
