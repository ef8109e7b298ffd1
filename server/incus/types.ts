/** What the Incus client speaks: Incus's objects in camelCase, parsed defensively. Bytes, nanoseconds and RFC 3339 unless said. */

/** Where one Incus is reached, and which of its projects is used. */
export interface IncusTarget {
  socketPath: string;
  project: string;
}

export type Config = Record<string, string>;
export type Devices = Record<string, Record<string, string>>;

/** A part of an instance's definition; rooms give such parts and the caller merges them. */
export interface InstanceFragment {
  config?: Config;
  devices?: Devices;
}

/** Called with each sign of life of long work; `percent` (0 to 100) where Incus says one. */
export type OnProgress = (text: string, percent?: number) => void;

/** `GET /1.0`, as far as anybody here needs it. */
export interface ServerInfo {
  version: string;
  extensions: ReadonlySet<string>;
  has(extension: string): boolean;
  /** `auth` of the reply: "trusted" or "untrusted". */
  auth: string;
  /** Server-wide configuration; values are strings. */
  config: Config;
  /** `environment` of the reply as it came: kernel, lxc_features, storage_supported_drivers, firewall, … */
  environment: Readonly<Record<string, unknown>>;
}

export interface Instance {
  name: string;
  /** As Incus says it: Running, Stopped, Frozen, Error, Ready, … Prefer `running` and `frozen`. */
  status: string;
  statusCode: number;
  /** Running or Ready (Ready replaces Running when the guest says so). */
  running: boolean;
  frozen: boolean;
  type: string;
  createdAt: string;
  /** Undefined when it was never started. */
  lastUsedAt?: string;
  config: Config;
  devices: Devices;
  expandedConfig: Config;
  expandedDevices: Devices;
  profiles: string[];
  ephemeral: boolean;
  stateful: boolean;
  description: string;
  architecture: string;
  project: string;
  location: string;
  /** `image.description` and `volatile.base_image` of its configuration. */
  imageDescription?: string;
  imageFingerprint?: string;
}

export interface InstanceAddress {
  interface: string;
  family: string;
  address: string;
}

export interface InstanceState {
  status: string;
  statusCode: number;
  running: boolean;
  frozen: boolean;
  /** Host pid of the container's init; 0 when stopped. */
  pid: number;
  processes: number;
  startedAt?: string;
  cpuNanoseconds: number;
  /** Includes the page cache. */
  memoryBytes: number;
  /** The limit, or the host's memory. */
  memoryTotalBytes?: number;
  /** Use of the root device; undefined where the pool does not count it. */
  diskBytes?: number;
  /** Global IPv4 address of eth0, if it has one by now. */
  ip?: string;
  /** Every address of global scope, of every interface (a Docker inside brings more). */
  addresses: InstanceAddress[];
}

export type InstanceSource =
  | { alias: string }
  | { fingerprint: string }
  | { copy: string; instanceOnly?: boolean }
  | { server: string; protocol?: 'simplestreams' | 'incus'; alias: string };

export interface CreateInstance {
  name: string;
  source: InstanceSource;
  config?: Config;
  devices?: Devices;
  /** Default: Incus's own default, the profile "default". `[]` is none. */
  profiles?: string[];
  description?: string;
  start?: boolean;
}

/** What may be changed in an instance; a PUT replaces all of it. */
export interface InstanceDefinition {
  architecture: string;
  config: Config;
  devices: Devices;
  ephemeral: boolean;
  profiles: string[];
  description: string;
  stateful: boolean;
}

export type StateAction = 'start' | 'stop' | 'restart' | 'freeze' | 'unfreeze';

export interface SetState {
  /** Seconds that a graceful stop or restart may take; default 30. */
  timeout?: number;
  force?: boolean;
  signal?: AbortSignal;
}

export interface ExecOptions {
  /** Numeric ids inside; default 0. There are no supplementary groups. */
  user?: number;
  group?: number;
  /** Default "/". A directory that is missing silently becomes "/" (Incus does that). */
  cwd?: string;
  /** Readable in the host's process list and in events: never a secret. HOME and USER exist by default for uid 0 only. */
  env?: Record<string, string>;
  /** Default true: an own session, so that no `kill 0` of one exec reaches another. */
  setsid?: boolean;
  signal?: AbortSignal;
}

export interface RunOptions extends ExecOptions {
  stdin?: string | Uint8Array;
  /** Bytes kept of each of stdout and stderr; what is more is read and dropped. Default 16 MiB. */
  limit?: number;
}

export interface ExecResult {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
  /** Whether something was dropped because of `limit`. */
  truncated: boolean;
}

/** Takes a piece of output; while a returned promise is pending, the process inside is held back. */
export type OnOutput = (chunk: Buffer) => void | Promise<void>;

export interface StreamOptions extends ExecOptions {
  onStdout: OnOutput;
  /** Not called with `tty`: a terminal has one stream. */
  onStderr?: OnOutput;
  tty?: { cols: number; rows: number };
}

/** A process that runs inside. */
export interface ExecHandle {
  /** Resolves when the bytes were handed to the kernel, so that a writer can wait for a slow reader. */
  write(data: string | Uint8Array): Promise<void>;
  /** End of stdin; nothing can be written afterwards. A terminal has no end of input (send 0x04). */
  end(): void;
  resize(cols: number, rows: number): void;
  /** Sends a signal to the attached process only. */
  signal(signal: number): void;
  /** Ends the process and everything it started, also what left its session; resolves when none of it runs any more. */
  kill(): Promise<void>;
  /** The exit code (128 + n after a signal); rejects when the process could not be started, and with `cancelled` after an abort. */
  readonly result: Promise<number>;
}

export type FileType = 'file' | 'directory' | 'symlink';

/** Never follows a symlink. A FIFO, socket or device shows as `file`: see readFile. */
export interface FileStat {
  type: FileType;
  uid: number;
  gid: number;
  /** Permission bits. */
  mode: number;
  size?: number;
  /** When it was changed last, in whole seconds (ms). */
  modifiedMs?: number;
}

export interface ReadFile {
  /** Larger files fail with `invalid`. Default 16 MiB. */
  limit?: number;
  /** Milliseconds until the read is given up (a FIFO answers never); default 10 000. */
  timeout?: number;
  signal?: AbortSignal;
}

export interface Image {
  fingerprint: string;
  aliases: string[];
  properties: Record<string, string>;
  /** `properties.description`. */
  description?: string;
  sizeBytes: number;
  createdAt: string;
  uploadedAt: string;
  architecture: string;
  type: string;
  cached: boolean;
}

export interface ImageAlias {
  name: string;
  fingerprint: string;
  description: string;
}

export interface Network {
  name: string;
  type: string;
  managed: boolean;
  description: string;
  config: Config;
  /** URLs of what uses it. */
  usedBy: string[];
  status: string;
  etag?: string;
}

export interface NetworkLease {
  hostname: string;
  address: string;
  hwaddr: string;
  /** "static", "dynamic" or "gateway". */
  type: string;
}

export interface Pool {
  name: string;
  driver: string;
  description: string;
  config: Config;
  status: string;
}

export interface PoolResources {
  /** Bytes; undefined where the driver does not say. */
  space?: { used: number; total: number };
  inodes?: { used: number; total: number };
}

export interface Profile {
  name: string;
  description: string;
  config: Config;
  devices: Devices;
}

export interface Operation {
  id: string;
  class: string;
  description: string;
  status: string;
  statusCode: number;
  /** Whether it has ended, well or not. */
  finished: boolean;
  createdAt: string;
  /** Names of the instances that it works on. */
  instances: string[];
  mayCancel: boolean;
  error: string;
  metadata: Readonly<Record<string, unknown>>;
}

/** Something happened to an object. Events can come out of order and be missed: take them as "look again". */
export interface LifecycleEvent {
  type: 'lifecycle';
  /** RFC 3339 with nanoseconds; sorting by it repairs the order. */
  timestamp: string;
  project: string;
  /** E.g. "instance-started"; its first word is the kind of object. */
  action: string;
  /** Path of the object without query: "/1.0/instances/x". */
  source: string;
  /** Name of the instance if it is about one (also about its snapshots). */
  instance?: string;
  context: Readonly<Record<string, unknown>>;
  /** Absent when the guest itself caused it (poweroff, reboot inside). */
  requestor?: { username: string; protocol: string };
}

export interface OperationEvent {
  type: 'operation';
  timestamp: string;
  project: string;
  operation: Operation;
}

export type IncusEvent = LifecycleEvent | OperationEvent;

export interface EventHandler {
  /** Connected, also again: list now, and take what comes from here on as changes. */
  onOpen(): void;
  onEvent(event: IncusEvent): void;
  /** The connection is gone or could not be made; the next attempt follows by itself. */
  onClose(reason: string): void;
}

export interface EventsOptions {
  /** Default ["lifecycle", "operation"]. */
  types?: readonly ('lifecycle' | 'operation')[];
  /** Milliseconds without any sign of life after which the connection counts as dead; default 30 000. */
  silence?: number;
}

export interface Reply<T> {
  metadata: T;
  etag?: string;
  /** Path of the operation without query, when the reply was asynchronous. */
  operation?: string;
}

export interface RequestOptions {
  signal?: AbortSignal;
  /** If-Match. */
  etag?: string;
  /** What the request does, as the beginning of an error message: "Reading the network incusbr0". */
  what?: string;
  /** `null` for paths that belong to no project. Default: the target's project. */
  project?: string | null;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface PublishImage {
  alias?: string;
  properties?: Record<string, string>;
  /** "none" is by far the fastest; default: the server's choice. */
  compression?: 'none' | 'gzip' | 'zstd' | 'xz' | 'lz4' | 'bzip2';
}
