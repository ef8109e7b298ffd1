/** The objects of the contract. Times are RFC 3339 strings in UTC; sizes are bytes. */

/** Version of the contract; a client and a backend that differ in it do not talk to each other. */
export const PROTOCOL_VERSION = 1;

export type UnavailableReason =
  | 'not-linux'
  | 'not-installed'
  | 'not-running'
  | 'no-permission'
  | 'not-initialised'
  | 'no-project'
  | 'no-disk'
  | 'too-old';

/** How the backend stands to Incus. `message` says the next step, `fix` is the command that mends it, to be read and run by a person. */
export interface IncusState {
  status: 'ready' | 'connecting' | 'unavailable';
  reason?: UnavailableReason;
  message?: string;
  fix?: string;
  version?: string;
}

export type SlotStatus = 'creating' | 'starting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'failed';

export type AgentStateName = 'starting' | 'working' | 'waiting' | 'idle' | 'exited' | 'failed' | 'unknown';

/** What an agent is doing, since when (RFC 3339), and what that is known from. */
export interface AgentState {
  state: AgentStateName;
  since: string;
  why?: string;
}

export type NetworkMode = 'restricted' | 'allowlist' | 'open' | 'unknown';
export type Protection = 'locked' | 'weak' | 'lost' | 'off' | 'unknown';

/** A host path that is visible inside. */
export interface Mount {
  source: string;
  path: string;
  readonly: boolean;
}

/** A numbered place of one workspace and the container that holds it. */
export interface Slot {
  container: string;
  workspace: string;
  slot: number;
  status: SlotStatus;
  persistent: boolean;
  agent: string;
  agentState: AgentState;
  session?: string;
  image: string;
  profile?: string;
  network: NetworkMode;
  protection: Protection;
  mounts: Mount[];
  ip?: string;
  createdAt: string;
  startedAt?: string;
  problem?: { kind: string; message: string };
  /** It ran when the machine went down, and nobody has stopped it since. */
  interrupted?: boolean;
  /** Limits as Incus holds them (`limits.cpu`, `limits.memory`, …), where any is set. */
  limits?: Record<string, string>;
  /** What of the user's is shared with the slot: logins, secrets, sockets, in words for the UI. */
  shared?: string[];
}

/** The work of one agent in one slot, with its conversation on disk. `path` is the workspace's path inside. */
export interface Session {
  id: string;
  agent: string;
  workspace: string;
  path: string;
  slot?: number;
  container?: string;
  live: boolean;
  title?: string;
  profile?: string;
  persistent: boolean;
  startedAt: string;
  savedAt: string;
  lastActivityAt?: string;
  agentSessionId?: string;
}

/** Everything a client mirrors; `revision` grows by one with each state/changed. */
export interface Snapshot {
  revision: number;
  incus: IncusState;
  slots: Slot[];
  sessions: Session[];
}

/** A change to a snapshot: whole objects; a gap in `revision` means that the client asks state/get. */
export interface StateChange {
  revision: number;
  incus?: IncusState;
  slots?: Slot[];
  sessions?: Session[];
  gone?: { slots?: string[]; sessions?: string[] };
}

/** One step of long work. */
export interface Progress {
  phase: string;
  message?: string;
  percent?: number;
  log?: string;
}

export type ConfigOriginKind = 'default' | 'file' | 'profile' | 'setting' | 'launch';

/** Where the effective value of a key comes from; `line` is 1-based. */
export interface ConfigOrigin {
  kind: ConfigOriginKind;
  path?: string;
  line?: number;
}

export interface ConfigValue {
  key: string;
  value: unknown;
  origin: ConfigOrigin;
}

/** Something wrong in a configuration file; line and column are 1-based. */
export interface ConfigProblem {
  path: string;
  line: number;
  column: number;
  severity: 'error' | 'warning' | 'info';
  message: string;
}

/** Something that a workspace asks for and that the user has to approve. */
export interface TrustItem {
  kind: string;
  what: string;
}

/**
 * How a finding is mended: by a `command` that the user runs, or by an `action` of the client: building `image` (the configured one when
 * it names none), cleaning up stopped slots, or asking health/fix. With neither, the title is all that can be said.
 */
export interface HealthFix {
  title: string;
  command?: string;
  action?: 'build-image' | 'clean-up' | 'mend';
  image?: string;
}

export interface HealthCheck {
  id: string;
  group: string;
  status: 'ok' | 'warning' | 'failed';
  message: string;
  detail?: string;
  fix?: HealthFix;
}

export interface ImageInfo {
  alias?: string;
  fingerprint: string;
  description?: string;
  sizeBytes: number;
  createdAt: string;
  /** As noted when it was built; absent for an image that says nothing of it, such as coi's. */
  agents?: string[];
  /** Whether it was built here or by coi, so that image/delete takes it. */
  ours?: boolean;
  /** By agent, where the build could tell. */
  agentVersions?: Record<string, string>;
}

export interface TranscriptEntry {
  role: string;
  text: string;
  at?: string;
}
