import { isAbsolute, normalize } from 'node:path';
import { parseContainerName, workspaceHash } from './names.ts';

const PREFIX = 'user.incus-agents.';

/** What an instance must have so that it can be told whether it is a slot's. */
export interface InstanceFacts {
  name: string;
  config: Readonly<Record<string, string>>;
  devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * A change that must be finished or undone when the backend dies in the middle of it: `opening` makes a container,
 * `starting` brings up one that was there, `closing` takes one away.
 */
export type Phase = 'opening' | 'starting' | 'closing';

const PHASES: ReadonlySet<string> = new Set<Phase>(['opening', 'starting', 'closing']);

/** What the backend stored about a slot on its instance, or could tell from coi's devices. */
export interface SlotIdentity {
  workspace: string;
  slot: number;
  /** Whether the keys are ours; coi's containers have only their name and a device. */
  keyed: boolean;
  agent: string;
  /** Closing its session keeps the container; always one that coi made, which only coi throws away. */
  persistent: boolean;
  session?: string;
  profile?: string;
  image?: string;
  /** An open or a close that is under way, and the key of the backend that does it. */
  phase?: Phase;
  backend?: string;
  /** What is shared with the slot, in words. */
  shared: string[];
}

/** The values of our keys that a slot is created or changed with; undefined leaves a key out, null removes it. */
export interface SlotKeys {
  workspace?: string;
  slot?: number;
  agent?: string;
  session?: string;
  profile?: string | null;
  image?: string;
  persistent?: boolean;
  phase?: Phase | null;
  backend?: string | null;
  claim?: string;
  shared?: string[];
  /** What the container was before the open that is under way redefined it. */
  former?: string | null;
}

/** Our keys as instance configuration; a removed key has the empty value, which Incus takes as removal in a PATCH. */
export function slotConfig(keys: SlotKeys): Record<string, string> {
  const config: Record<string, string> = {};
  for (const [key, value] of Object.entries(keys)) {
    if (value === undefined) continue;
    config[PREFIX + key] = value === null ? '' : Array.isArray(value) ? JSON.stringify(value) : String(value);
  }
  return config;
}

/** Says that nobody is at work on a container any more. */
export const AT_REST = slotConfig({ phase: null, backend: null, former: null });

/**
 * Whose slot an instance holds, or undefined when it is not ours: its name must match, and it must have our key or a
 * `workspace` device, whose path hashes to the name.
 */
export function identify(instance: InstanceFacts): SlotIdentity | undefined {
  const name = parseContainerName(instance.name);
  if (name === undefined) return undefined;
  const keyed = instance.config[`${PREFIX}workspace`];
  const device = instance.devices.workspace;
  const workspace = keyed ?? (device?.type === 'disk' ? device.source : undefined);
  if (workspace === undefined || !isAbsolute(workspace) || normalize(workspace) !== workspace) return undefined;
  if (workspaceHash(workspace) !== name.hash) return undefined;
  return {
    workspace,
    slot: name.slot,
    keyed: keyed !== undefined,
    ...storedKeys(instance.config),
    ...(keyed === undefined ? { persistent: true } : {}),
  };
}

function storedKeys(config: Readonly<Record<string, string>>): Omit<SlotIdentity, 'workspace' | 'slot' | 'keyed'> {
  const text = (key: string): string | undefined => config[PREFIX + key] || undefined;
  const phase = text('phase');
  return {
    agent: text('agent') ?? 'unknown',
    persistent: text('persistent') === 'true',
    shared: parseList(text('shared')),
    ...present('session', text('session')),
    ...present('profile', text('profile')),
    ...present('image', text('image')),
    ...present('backend', text('backend')),
    ...(isPhase(phase) ? { phase } : {}),
  };
}

function isPhase(text: string | undefined): text is Phase {
  return text !== undefined && PHASES.has(text);
}

function present<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}

function parseList(text: string | undefined): string[] {
  if (text === undefined) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
  } catch {
    return []; // Written by another program: what is shared is then unknown, which the empty list stands for.
  }
}
