import type { Config } from './config.ts';

/** Where one Incus is reached, and which of its projects is used. */
export interface IncusTarget {
  socketPath: string;
  project: string;
}

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

/** Methods that Incus's API knows. */
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How a request is made. */
export interface RequestOptions {
  signal?: AbortSignal;
  /** If-Match. */
  etag?: string;
  /** What the request does, as the beginning of an error message: "Reading the network incusbr0". */
  what?: string;
  /** `null` for paths that belong to no project. Default: the target's project. */
  project?: string | null;
}

/** What came in answer to a request. */
export interface Reply<T> {
  metadata: T;
  etag?: string;
  /** Path of the operation without query, when the reply was asynchronous. */
  operation?: string;
}
