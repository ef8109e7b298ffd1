import type { Config, Devices } from './config.ts';

/** An instance as Incus has it, whether it runs or not. */
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

/** An address of a running instance. */
export interface InstanceAddress {
  interface: string;
  family: string;
  address: string;
}

/** What an instance does and uses at a moment. */
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

/** What an instance is made from: an image by alias or fingerprint, another instance, or an image of a server. */
export type InstanceSource =
  | { alias: string }
  | { fingerprint: string }
  | { copy: string; instanceOnly?: boolean }
  | { server: string; protocol?: 'simplestreams' | 'incus'; alias: string };

/** A new instance. */
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

/** What an instance can be told to do. */
export type StateAction = 'start' | 'stop' | 'restart' | 'freeze' | 'unfreeze';

/** How an instance is told to do something. */
export interface SetState {
  /** Seconds that a graceful stop or restart may take; default 30. */
  timeout?: number;
  force?: boolean;
  signal?: AbortSignal;
}
