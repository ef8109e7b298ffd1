import type {
  ConfigProblem,
  ConfigValue,
  HealthCheck,
  ImageInfo,
  NetworkMode,
  Progress,
  Session,
  Snapshot,
  StateChange,
  TranscriptEntry,
  TrustItem,
} from './types.ts';

/** No result, or no parameters. */
export type Empty = Record<string, never>;

/** A folder of the client, by absolute path, and whether the editor trusts it. */
export interface WorkspaceFolder {
  path: string;
  trusted?: boolean;
  /** Settings that are explicitly set for this folder, as in InitializeParams; they come before those. */
  settings?: Record<string, unknown>;
}

export interface InitializeParams {
  protocolVersion: number;
  client: { name: string; version: string };
  workspaces: WorkspaceFolder[];
  /** Explicitly set settings, without the prefix. */
  settings?: Record<string, unknown>;
}

export interface InitializeResult {
  protocolVersion: number;
  server: { version: string; pid: number };
  state: Snapshot;
}

export interface SlotOpenParams {
  workspace: string;
  slot?: number;
  agent?: string;
  profile?: string;
  image?: string;
  persistent?: boolean;
  /** A session's id, or the newest of this workspace. */
  resume?: string;
  prompt?: string;
  /**
   * For clients: no terminal is to be opened on the slot. The backend opens none in any case, so it changes nothing there: the agent runs
   * in tmux, and its screen and its end are seen through slot/capture and the state.
   */
  background?: boolean;
  progress?: string | number;
}

export interface SlotOpenResult {
  container: string;
  slot: number;
  session: string;
}

export type TerminalKind = 'agent' | 'shell' | 'root';

/** What a terminal must run; a null in `env` unsets the variable. */
export interface SlotAttachResult {
  file: string;
  args: string[];
  env: Record<string, string | null>;
  cwd: string;
  title: string;
}

export interface ContainerParams {
  container: string;
}

/** `timeout` in seconds until force is used. */
export interface StopParams extends ContainerParams {
  timeout?: number;
}

export interface SlotExecParams extends ContainerParams {
  argv: string[];
  user?: 'code' | 'root' | number;
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
}

/** Output as UTF-8, at most 16 MiB each; `truncated` when something was cut off. */
export interface SlotExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
  truncated?: boolean;
}

export interface SlotUsage {
  cpuSeconds: number;
  memoryBytes: number;
  memoryLimitBytes?: number;
  processes: number;
  diskBytes?: number;
}

/** What a slot can reach, verified from the running container. */
export interface SlotReach {
  mounts: { source: string; path: string; readonly: boolean }[];
  network: {
    mode: NetworkMode;
    allowed?: string[];
    blocked?: { host: string; count: number }[];
    /** What the kernel's rules say about the mode, as seen from this machine; undefined for a container without rules of ours. */
    verified?: 'held' | 'open' | 'unknown';
  };
  limits: Record<string, string>;
  shared: string[];
  /** Ports and sockets: what comes in at `listen` goes on to `connect`; `at` says on which side it listens. */
  forwards?: { listen: string; connect: string; at: 'host' | 'inside'; running: boolean; configured: boolean }[];
  protection: { path: string; state: 'locked' | 'weak' | 'lost' | 'absent' }[];
  /** Where `mounts`, `devices` and `guestApi` are from: the host's kernel, or only the configuration of the container. */
  verified?: boolean;
  /** Device nodes of the host, by their path inside. */
  devices?: string[];
  guestApi?: boolean;
  /** Whether root inside is root on the host. */
  privileged?: boolean;
  /** Whether containers may run inside. */
  nesting?: boolean;
  /** Users inside and who they are on the host; `isolated` when no other container has the same. */
  ids?: { isolated: boolean; ranges: { inside: number; outside: number; count: number }[] };
  [more: string]: unknown;
}

export interface SlotConfigureParams extends ContainerParams {
  network?: { mode?: NetworkMode; allow?: string[] };
  limits?: Record<string, string>;
}

/** Requests that a client sends: method → parameters and result. */
export interface Requests {
  initialize: { params: InitializeParams; result: InitializeResult };
  'client/update': {
    params: { workspaces?: WorkspaceFolder[]; settings?: Record<string, unknown> };
    result: Empty;
  };
  'state/get': { params: Empty; result: Snapshot };
  'slot/open': { params: SlotOpenParams; result: SlotOpenResult };
  'slot/attach': { params: ContainerParams & { kind?: TerminalKind }; result: SlotAttachResult };
  'slot/start': { params: ContainerParams; result: Empty };
  'slot/pause': { params: ContainerParams; result: Empty };
  'slot/unpause': { params: ContainerParams; result: Empty };
  'slot/persist': { params: ContainerParams; result: Empty };
  'slot/stop': { params: StopParams; result: Empty };
  /** With `onlyIfStopped` a slot that runs is left alone (`conflict`). */
  'slot/close': { params: StopParams & { onlyIfStopped?: boolean }; result: Empty };
  'slot/delete': { params: StopParams; result: Empty };
  'slot/kill': { params: ContainerParams; result: Empty };
  'slot/exec': { params: SlotExecParams; result: SlotExecResult };
  'slot/send': { params: ContainerParams & { text: string; enter?: boolean }; result: Empty };
  'slot/capture': { params: ContainerParams & { lines?: number }; result: { text: string } };
  'slot/usage': { params: ContainerParams; result: SlotUsage };
  'slot/reach': { params: ContainerParams; result: SlotReach };
  'slot/configure': { params: SlotConfigureParams; result: Empty };
  'session/list': { params: { workspace?: string; agent?: string }; result: { sessions: Session[] } };
  /** `truncated` when the transcript is only the end of a long conversation. */
  'session/show': {
    params: { id: string };
    result: { session: Session; transcript: TranscriptEntry[]; truncated?: boolean };
  };
  'session/rename': { params: { id: string; title: string }; result: Empty };
  'session/delete': { params: { id: string }; result: Empty };
  'image/list': { params: Empty; result: { images: ImageInfo[] } };
  'image/build': {
    params: { alias?: string; profile?: string; base?: string; progress?: string | number };
    result: { alias: string; fingerprint: string };
  };
  'image/delete': { params: { alias: string }; result: Empty };
  'config/show': {
    params: { workspace: string };
    /** `profiles` can be chosen, and `agents` are declared by the configuration besides those that are built in. */
    result: { values: ConfigValue[]; problems: ConfigProblem[]; profiles: string[]; agents: string[] };
  };
  /** Remembers hosts for all slots of a workspace, from their next start on; the result is all that are remembered. */
  'config/allow': { params: { workspace: string; hosts: string[] }; result: { hosts: string[] } };
  'config/trust': {
    params: { workspace: string; approve?: boolean };
    result: { pending: TrustItem[]; approved: TrustItem[] };
  };
  'health/check': { params: Empty; result: { checks: HealthCheck[] } };
  'health/fix': { params: { id: string }; result: Empty };
  /** Ends the backend once nothing is under way; slots run on. */
  shutdown: { params: Empty; result: Empty };
  /** Asked by a newer extension: refuse new work, undo or finish what is under way within 10 s, then exit. */
  'backend/drain': { params: Empty; result: Empty };
}

/** Requests that the backend sends to a client. */
export interface ClientRequests {
  'client/secret': { params: { name: string }; result: { value: string | null } };
  'client/environment': { params: { names: string[] }; result: { values: Record<string, string> } };
}

/** Notifications that the backend sends. */
export interface Notifications {
  'state/changed': StateChange;
  '$/progress': { token: string | number; value: Progress };
  /** Something that the user should be able to read in the log, such as what was undone after a crash. */
  'log/message': { level: 'info' | 'warning' | 'error'; message: string };
}

export type Method = keyof Requests;
export type ParamsOf<M extends Method> = Requests[M]['params'];
export type ResultOf<M extends Method> = Requests[M]['result'];
