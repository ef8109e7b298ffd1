import type { EffectiveConfig } from '../../config/types.ts';
import type { NetworkPlan, Policy } from '../../network/types.ts';
import type { FlowDeps } from '../deps.ts';
import type { OpenPlan } from './prepare.ts';

/** How the network of a slot will be held, as the configuration says. Fails with `isolation`. */
export async function slotNetwork(
  deps: FlowDeps,
  { config, lowLevel }: OpenPlan,
  container: string,
  signal: AbortSignal,
): Promise<NetworkPlan> {
  return deps.networks.plan({ container, policy: policyOf(config), hooks: lowLevel }, signal);
}

/** The keys of `[network]`. */
export function policyOf(config: EffectiveConfig): Policy {
  return {
    mode: config.get('network.mode'),
    allow: config.get('network.allowed_domains'),
    blockPrivate: config.get('network.block_private_networks'),
    blockMetadata: config.get('network.block_metadata_endpoint'),
    allowLocal: config.get('network.allow_local_network_access'),
    resolvers: config.get('network.dns_servers'),
    ports: config.get('network.allowed_ports'),
    hosts: config.get('network.hosts'),
  };
}
