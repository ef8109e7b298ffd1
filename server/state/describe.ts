import type { Instance } from '../incus/types/instance.ts';
import type { AgentState, Mount, NetworkMode, Protection, Slot, SlotStatus } from '../protocol/types.ts';

/** What is stored on the instance of a slot. */
export interface IdentityView {
  workspace: string;
  slot: number;
  agent: string;
  persistent: boolean;
  session?: string;
  profile?: string;
  image?: string;
  shared: string[];
}

/** What is known of a slot besides its instance; it lives in memory and can be found again. */
export interface SlotFacts {
  /** A change that is under way and that Incus does not show as a status. */
  transition?: SlotStatus;
  problem?: { kind: string; message: string };
  ip?: string;
  agentState?: AgentState;
  /** Which agent and which session it is, where the instance does not say so. */
  agent?: string;
  session?: string;
  protection?: Protection;
}

/** What Incus notes of the power state: a stop of any kind says STOPPED, the end of the daemon or of the machine leaves RUNNING. */
const LAST_POWER = 'volatile.last_state.power';

const STATUS: Readonly<Record<number, SlotStatus>> = {
  102: 'stopped',
  103: 'running',
  110: 'paused',
  112: 'failed',
  113: 'running',
};

/** The status of an instance by its Incus code (113 is "Ready", said by the guest); codes in between mean a change. */
export function statusOf(code: number): SlotStatus {
  return STATUS[code] ?? 'starting';
}

/** The slot that an instance holds. */
export function describeSlot(instance: Instance, identity: IdentityView, facts: SlotFacts): Slot {
  const status = facts.transition ?? statusOf(instance.statusCode);
  const session = identity.session ?? facts.session;
  const up = status === 'running' || status === 'paused';
  const problem = facts.problem ?? (status === 'failed' ? errorOf(instance) : undefined);
  return {
    container: instance.name,
    workspace: identity.workspace,
    slot: identity.slot,
    status,
    persistent: identity.persistent,
    agent: facts.agent ?? identity.agent,
    agentState: agentStateOf(instance, status, facts),
    image: identity.image ?? instance.imageDescription ?? 'unknown',
    network: networkOf(instance.config['user.incus-agents.network']),
    protection: facts.protection ?? protectionOf(instance.config['user.incus-agents.protection']),
    mounts: mountsOf(instance.expandedDevices),
    createdAt: instance.createdAt,
    ...(session === undefined ? {} : { session }),
    ...(identity.profile === undefined ? {} : { profile: identity.profile }),
    ...(up && facts.ip !== undefined ? { ip: facts.ip } : {}),
    ...(up && instance.lastUsedAt !== undefined ? { startedAt: instance.lastUsedAt } : {}),
    ...(problem === undefined ? {} : { problem }),
    ...(status === 'stopped' && instance.config[LAST_POWER] === 'RUNNING' ? { interrupted: true } : {}),
    ...limitsOf(instance.expandedConfig),
    ...(identity.shared.length === 0 ? {} : { shared: identity.shared }),
  };
}

/** Incus says no more of it in its list than that there is one. */
function errorOf({ name, project }: Instance): { kind: string; message: string } {
  const command = `incus info --show-log ${name}${project === 'default' ? '' : ` --project ${project}`}`;
  return { kind: 'incus', message: `Incus reports an error of this container. To see why: ${command}` };
}

function agentStateOf(instance: Instance, status: SlotStatus, facts: SlotFacts): AgentState {
  const since = instance.lastUsedAt ?? instance.createdAt;
  if (status === 'stopped')
    return (
      facts.agentState ?? {
        state: 'exited',
        since,
        why: 'The container is stopped.',
      }
    );
  if (status === 'creating' || status === 'starting') return { state: 'starting', since };
  return facts.agentState ?? { state: 'unknown', since };
}

function networkOf(value: string | undefined): NetworkMode {
  return value === 'restricted' || value === 'allowlist' || value === 'open' ? value : 'unknown';
}

function protectionOf(value: string | undefined): Protection {
  return value === 'locked' || value === 'weak' || value === 'off' ? value : 'unknown';
}

function mountsOf(devices: Instance['expandedDevices']): Mount[] {
  return Object.values(devices)
    .filter(d => d.type === 'disk' && d.path !== '/' && d.source?.startsWith('/') === true)
    .map(d => ({
      source: d.source ?? '',
      path: d.path ?? '',
      readonly: d.readonly === 'true',
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function limitsOf(config: Readonly<Record<string, string>>): {
  limits?: Record<string, string>;
} {
  const entries = Object.entries(config).filter(([key, value]) => key.startsWith('limits.') && value !== '');
  return entries.length === 0 ? {} : { limits: Object.fromEntries(entries) };
}
