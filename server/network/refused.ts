import type { Incus } from '../incus/client.ts';
import type { Instance } from '../incus/types.ts';
import { instanceName, tableName } from './hook.ts';
import { REFUSED_SET } from './rules.ts';
import { nftAsRoot } from './run-as-root.ts';

/** The first number of addresses that are many machines', from which on no address is one machine's. */
const MULTICAST = 224;

/** What a slot asked for and did not get: a name or an address with its port, and how often. */
export interface Blocked {
  host: string;
  count: number;
}

/**
 * The addresses that the rules have refused to a running container since it started, most frequent first; the kernel counts packets, and a program sends one
 * for each attempt. About 0.2 s. Fails with `isolation` where the kernel's rules cannot be looked at.
 */
export async function refusedAddresses(incus: Incus, instance: Instance, signal?: AbortSignal): Promise<Blocked[]> {
  const table = tableName(instanceName(instance.name, incus.target.project));
  const pool = instance.expandedDevices.root?.pool ?? 'default';
  return parseRefused(await nftAsRoot(incus, pool, [`list set netdev ${table} ${REFUSED_SET}`], signal));
}

/** The elements of the set as nft writes them, without what systems say to everybody on a network all the time. */
export function parseRefused(text: string): Blocked[] {
  const elements = text.matchAll(/([\d.]+) \. (tcp|udp) \. (\d+) counter packets (\d+)/g);
  return [...elements]
    .filter(([, address = '']) => Number(address.split('.')[0]) < MULTICAST)
    .map(([, address, protocol, port, packets]) => ({
      host: `${address}:${port}${protocol === 'udp' ? '/udp' : ''}`,
      count: Number(packets),
    }))
    .sort((a, b) => b.count - a.count);
}
