import type { EffectiveConfig } from '../../config/types.ts';
import type { NetworkPlan, Policy } from '../../network/types.ts';
import type { FlowDeps } from '../deps.ts';
import { presetAllow } from '../presets.ts';
import type { OpenPlan } from './prepare.ts';

/** How the network of a slot will be held, as the configuration says. Fails with `isolation` or `config`. */
export async function slotNetwork(
  deps: FlowDeps,
  { config, workspace, lowLevel, bridge }: OpenPlan,
  container: string,
  signal: AbortSignal,
): Promise<NetworkPlan> {
  const presets = await presetAllow(config, deps.home, workspace.path);
  return deps.networks.plan({ container, policy: policyOf(config, presets), hooks: lowLevel, bridge }, signal);
}

/** The keys of `[network]`, with the hosts that its presets stand for. */
export function policyOf(config: EffectiveConfig, presets: readonly string[]): Policy {
  return {
    mode: config.get('network.mode'),
    allow: [...new Set([...config.get('network.allowed_domains'), ...presets])],
    blockPrivate: config.get('network.block_private_networks'),
    blockMetadata: config.get('network.block_metadata_endpoint'),
    allowLocal: config.get('network.allow_local_network_access'),
    resolvers: config.get('network.dns_servers'),
    ports: config.get('network.allowed_ports'),
    hosts: config.get('network.hosts'),
  };
}
