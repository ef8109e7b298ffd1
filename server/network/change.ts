import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import { requireWholeLines } from '../incus/raw-lxc.ts';
import type { Instance } from '../incus/types/instance.ts';
import { hookLines, instanceName, tableName, withHookLines } from './hook.ts';
import { formatAddress, formatCidr, parseAddress, parseCidr } from './ipv4.ts';
import { checkPolicy } from './plan.ts';
import { NETWORK_KEY, POLICY_KEY, recordedPolicy, recordPolicy } from './record.ts';
import { changeOf, type Rules, rulesOf } from './rules.ts';
import { nftAsRoot } from './run-as-root.ts';
import type { Place, Policy } from './types.ts';

/**
 * Changes what a container may reach, running or not, at once and for good; the new policy. The card stays where it is. Either all of
 * it holds or, after a failure, what held before. Fails with `conflict` for a container that was made without rules.
 */
export async function changeNetwork(
  incus: Incus,
  container: string,
  change: Partial<Policy>,
  signal?: AbortSignal,
): Promise<Policy> {
  const instance = await found(incus, container, signal);
  const before = recordedPolicy(instance.config[POLICY_KEY]);
  const place = await placeOf(incus, instance, signal);
  if (before === undefined || place === undefined) throw notHeld(container);
  const policy = { ...before, ...change };
  checkPolicy(policy);
  const rules = rulesOf(policy, place);
  if (sameRules(rules, rulesOf(before, place))) {
    await incus.patchInstance(container, { config: keysOf(policy) });
    return policy;
  }
  await apply(incus, instance, policy, place, rules);
  return policy;
}

/** First what holds from the next start on, so that a reboot in between cannot bring the old rules back. */
async function apply(incus: Incus, instance: Instance, policy: Policy, place: Place, rules: Rules): Promise<void> {
  const name = instanceName(instance.name, incus.target.project);
  const raw = instance.config['raw.lxc'] ?? '';
  const own = hookLines(name, place, rules, policy.mode === 'open');
  requireWholeLines(own);
  const lines = withHookLines(raw, own);
  await incus.patchInstance(instance.name, { config: { 'raw.lxc': lines, ...keysOf(policy) } });
  if (!instance.running && !instance.frozen) return;
  try {
    await nftAsRoot(incus, instance.expandedDevices.root?.pool ?? 'default', changeOf(tableName(name), rules));
  } catch (error) {
    const keys = [NETWORK_KEY, POLICY_KEY].map(key => [key, instance.config[key] ?? '']);
    await incus.patchInstance(instance.name, { config: { 'raw.lxc': raw, ...Object.fromEntries(keys) } });
    throw error;
  }
}

function keysOf(policy: Policy): Record<string, string> {
  return { [NETWORK_KEY]: policy.mode, [POLICY_KEY]: recordPolicy(policy) };
}

function sameRules(a: Rules, b: Rules): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Where the container's card is; undefined for a card that is not ours. */
export async function placeOf(incus: Incus, instance: Instance, signal?: AbortSignal): Promise<Place | undefined> {
  const card = Object.values(instance.expandedDevices).find(
    device => device.type === 'nic' && device['ipv4.address'] !== undefined,
  );
  const network = card?.network === undefined ? undefined : await incus.network(card.network, signal);
  const own = network?.config['ipv4.address'] ?? '';
  const subnet = parseCidr(own);
  const gateway = parseAddress(own.split('/')[0] ?? '');
  const address = parseAddress(card?.['ipv4.address'] ?? '');
  if (network === undefined || subnet === undefined || gateway === undefined || address === undefined) return undefined;
  return {
    bridge: network.name,
    address: formatAddress(address),
    gateway: formatAddress(gateway),
    subnet: formatCidr(subnet),
  };
}

async function found(incus: Incus, container: string, signal?: AbortSignal): Promise<Instance> {
  const instance = (await incus.instance(container, signal))?.instance;
  if (instance === undefined) throw new Failure('not-found', `There is no container ${container}.`);
  // Without `recursion` Incus gives the expanded devices of a single instance, too.
  return instance;
}

function notHeld(container: string): Failure {
  return new Failure(
    'conflict',
    `The network of ${container} cannot be changed while it is there: it was opened without rules.`,
    {
      hint: 'Close the slot and open it again.',
    },
  );
}
