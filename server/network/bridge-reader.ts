import type { Incus } from '../incus/client.ts';
import { list, object, text } from '../incus/parse.ts';
import type { Network, NetworkLease } from '../incus/types/network.ts';
import { type Bridge, cardsOf, notManaged, subnetOf } from './bridge.ts';
import { holdsAddress } from './kernel-routes.ts';

/**
 * Reads the bridge that slots are on. Incus takes long over what a network is, as it looks for all that use it; so that is asked for once,
 * and again when the kernel shows another address on the bridge.
 */
export class BridgeReader {
  readonly #incus: Incus;
  /** The bridge of the last time. */
  #last: string | undefined;
  #known: Network | undefined;

  constructor(incus: Incus) {
    this.#incus = incus;
  }

  /** Reads the bridge of the default profile. Fails with `isolation` where that has no card on one that Incus manages. */
  async read(signal?: AbortSignal): Promise<Bridge> {
    const last = this.#last;
    const guessed = last === undefined ? undefined : this.#leases(last, signal);
    guessed?.catch(() => {});
    const [first, ...others] = cardsOf(await this.#incus.profile('default', signal));
    const bridge = first?.[1].network;
    if (first === undefined || bridge === undefined) throw notManaged();
    const leases = bridge === last && guessed !== undefined ? guessed : this.#leases(bridge, signal);
    const [network, taken] = await Promise.all([this.#network(bridge, signal), leases]);
    this.#last = bridge;
    return { cards: [first[0], ...others.map(([name]) => name)], network, leases: taken };
  }

  async #network(name: string, signal?: AbortSignal): Promise<Network | undefined> {
    const known = this.#known;
    if (known?.name === name && (await isUp(known))) return known;
    const network = await this.#incus.network(name, signal);
    this.#known = network;
    return network;
  }

  /** The addresses of a bridge that are taken. Incus lists those of one project only, while others may be on the same bridge. */
  async #leases(bridge: string, signal?: AbortSignal): Promise<NetworkLease[]> {
    const incus = this.#incus;
    const o = { project: null, ...(signal === undefined ? {} : { signal }) };
    const [own, projects] = await Promise.all([
      incus.networkLeases(bridge, signal),
      incus.request('GET', '/1.0/projects', undefined, o).then(reply => list(reply.metadata).map(text)),
    ]);
    const others = projects
      .map(url => decodeURIComponent(url.slice(url.lastIndexOf('/') + 1)))
      .filter(name => name !== incus.target.project);
    const path = `/1.0/networks/${encodeURIComponent(bridge)}/leases`;
    const further = await Promise.all(
      others.map(project =>
        incus.request('GET', path, undefined, { ...o, project }).then(
          reply => list(reply.metadata).map(value => parseLease(object(value))),
          // One that is gone, or that has networks of its own, is not on this bridge.
          () => [],
        ),
      ),
    );
    return [...own, ...further.flat()];
  }
}

/** Whether the kernel shows the bridge with the address that Incus said. */
async function isUp(network: Network): Promise<boolean> {
  const found = subnetOf(network);
  return found !== undefined && holdsAddress(network.name, found.gateway, found.subnet);
}

/** Of another project: only its address counts here. */
function parseLease(lease: Readonly<Record<string, unknown>>): NetworkLease {
  return { hostname: '', address: text(lease.address), hwaddr: text(lease.hwaddr), type: text(lease.type) };
}
