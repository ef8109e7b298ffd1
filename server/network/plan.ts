import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import type { Devices } from '../incus/types/config.ts';
import { type AddressBook, type Bridge, type Card, cardOn } from './bridge.ts';
import { BridgeReader } from './bridge-reader.ts';
import { hookLines, instanceName } from './hook.ts';
import { NETWORK_KEY, POLICY_KEY, recordPolicy } from './record.ts';
import { privateEntries, rulesOf } from './rules.ts';
import type { NetworkPlan, Policy } from './types.ts';

/** What a plan is made for. */
export interface NetworkOptions {
  container: string;
  policy: Policy;
  /** Whether the project lets an instance have `raw.lxc`. */
  hooks: boolean;
  /** What `BridgeReader` says, where it was asked before. */
  bridge?: Promise<Bridge>;
}

/**
 * Plans the network of a slot; changes nothing. Fails with `isolation` where a policy other than `open` cannot be held, and with
 * `config` for one that contradicts itself.
 */
export async function planNetwork(
  incus: Incus,
  book: AddressBook,
  o: NetworkOptions,
  signal?: AbortSignal,
): Promise<NetworkPlan> {
  const { container, policy, hooks } = o;
  checkPolicy(policy);
  if (!hooks && policy.mode === 'open') return bare(policy);
  if (!hooks) throw noHooks(incus.target.project);
  const card = await cardFor(o.bridge ?? new BridgeReader(incus).read(signal), book, container, policy);
  if (card === undefined) return bare(policy);
  const rules = rulesOf(policy, card.place);
  const instance = instanceName(container, incus.target.project);
  return {
    ...bare(policy),
    fragment: {
      config: { 'raw.lxc': hookLines(instance, card.place, rules, policy.mode === 'open'), ...keysOf(policy) },
      devices: devicesOf(card),
    },
  };
}

/** Without a bridge of Incus's own a slot can still be open; then there is nothing to hold, and nothing to change later. */
async function cardFor(
  bridge: Promise<Bridge>,
  book: AddressBook,
  container: string,
  policy: Policy,
): Promise<Card | undefined> {
  try {
    return cardOn(await bridge, book, container);
  } catch (error) {
    if (policy.mode === 'open' && error instanceof Failure && error.kind === 'isolation') return undefined;
    throw error;
  }
}

/** Fails with `config` where the allow-list names what the rest of the policy forbids. */
export function checkPolicy(policy: Policy): void {
  const [first] = policy.mode === 'allowlist' ? privateEntries(policy) : [];
  if (first === undefined) return;
  throw new Failure('config', `The allow-list has ${first}, which is in a private network.`, {
    hint: 'Name the address in `[[network.hosts]]`, or set `[network] allow_local_network_access = true`.',
  });
}

/** The network of a container that gets nothing from us but words for its agent. */
export function bare(policy: Policy): NetworkPlan {
  return {
    mode: policy.mode,
    words: wordsFor(policy),
    fragment: { config: keysOf(policy) },
    environment: {},
    prepare: async () => {},
    started: async () => {},
    release: async () => {},
  };
}

/** What the agent is told. */
function wordsFor(policy: Policy): string {
  if (policy.mode === 'open') return 'The internet and the networks of the host can be reached.';
  if (policy.mode === 'restricted')
    return 'The internet can be reached. Private networks, the host itself and other containers cannot.';
  return `Only these can be reached: ${policy.allow.join(', ')}. Names are resolved by the proxy that HTTPS_PROXY names, not inside.`;
}

function keysOf(policy: Policy): Record<string, string> {
  return { [NETWORK_KEY]: policy.mode, [POLICY_KEY]: recordPolicy(policy) };
}

/**
 * The address of the card itself follows from the one that it is given. dnsmasq remembers for an hour who had an address, also when that
 * container is gone, and gives it to nobody else (rfc2131.c: "not using configured address"); a container with the same card gets it.
 */
export function macOf(address: string): string {
  const bytes = address.split('.').map(part => Number(part).toString(16).padStart(2, '0'));
  return ['02', '1a', ...bytes].join(':');
}

/** The one card, at a fixed address; the profile's other cards are taken away. */
function devicesOf({ device, others, place }: Card): Devices {
  const card = {
    type: 'nic',
    network: place.bridge,
    name: 'eth0',
    'ipv4.address': place.address,
    hwaddr: macOf(place.address),
  };
  return { ...Object.fromEntries(others.map(name => [name, { type: 'none' }])), [device]: card };
}

function noHooks(project: string): Failure {
  return new Failure('isolation', `The Incus project ${project} does not allow what restricts a network (raw.lxc).`, {
    hint: 'Use another project, or allow low-level options in it. `[network] mode = "open"` in your own configuration opens slots without restriction.',
  });
}
