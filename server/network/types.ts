import type { InstanceFragment } from '../incus/types/config.ts';

/** What a slot may reach. */
export type Mode = 'restricted' | 'allowlist' | 'open';

/** A fixed address of names, and the ports of it that may be reached; none means all. */
export interface StaticAddress {
  ip: string;
  hostnames: readonly string[];
  ports: readonly number[];
}

/** What holds for the network of a slot: the keys of `[network]`, in words of this room. */
export interface Policy {
  mode: Mode;
  /** Allow-list: names, `*.` wildcards, addresses and CIDRs, each with optional ports. */
  allow: readonly string[];
  /** Private ranges cannot be reached. Holds in every mode but `open`. */
  blockPrivate: boolean;
  /** Link-local addresses and the metadata services of clouds cannot be reached. */
  blockMetadata: boolean;
  /** The user permits private ranges after all; never the host, its metadata service or other slots. */
  allowLocal: boolean;
  /** The only resolvers; none means the bridge's own. */
  resolvers: readonly string[];
  /** The only ports outwards; none means all. */
  ports: readonly number[];
  /** What may be reached although its range may not. */
  hosts: readonly StaticAddress[];
}

/** Where a slot is on its bridge; IPv4 in dotted form. */
export interface Place {
  /** Name of the managed bridge. */
  bridge: string;
  /** Address of the slot. */
  address: string;
  /** Address of the host on the bridge. */
  gateway: string;
  /** The bridge's network as CIDR. */
  subnet: string;
}

/** How the network of a slot is held. */
export interface NetworkPlan {
  mode: Mode;
  /** What can be reached, in words for the agent. */
  words: string;
  /** To be merged into the instance: card, hooks, keys. */
  fragment: InstanceFragment;
  /** Variables for the agent and every shell of its session. */
  environment: Record<string, string>;
  /** Makes what must be there before the container starts. */
  prepare(): Promise<void>;
  /** Does what has to be done in the container once it runs, before the agent starts. Fails with `isolation`. */
  started(signal?: AbortSignal): Promise<void>;
  /** Takes back what `prepare` made. */
  release(): Promise<void>;
}
