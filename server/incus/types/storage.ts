import type { Config } from './config.ts';

/** A storage pool. */
export interface Pool {
  name: string;
  driver: string;
  description: string;
  config: Config;
  status: string;
}

/** What of a pool is used, and how much there is. */
export interface PoolResources {
  /** Bytes; undefined where the driver does not say. */
  space?: { used: number; total: number };
  inodes?: { used: number; total: number };
}
