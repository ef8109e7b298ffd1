import type { Config } from './config.ts';

/** A network that Incus knows, its own or the host's. */
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

/** An address that a bridge gave out. */
export interface NetworkLease {
  hostname: string;
  address: string;
  hwaddr: string;
  /** "static", "dynamic" or "gateway". */
  type: string;
}
