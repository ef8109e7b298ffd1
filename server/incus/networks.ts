import { isNotFound } from './errors.ts';
import { api, type Http } from './http.ts';
import { list as items, object, optional, stringMap, text, texts } from './parse.ts';
import type { Network, NetworkLease } from './types/network.ts';

function parseNetwork(value: unknown, etag?: string): Network {
  const n = object(value);
  return {
    name: text(n.name),
    type: text(n.type),
    managed: n.managed === true,
    description: text(n.description),
    config: stringMap(n.config),
    usedBy: texts(n.used_by),
    status: text(n.status),
    ...optional('etag', etag),
  };
}

/** Undefined when there is none. */
export async function get(http: Http, name: string, signal?: AbortSignal): Promise<Network | undefined> {
  try {
    const reply = await http.request('GET', api('networks', name), undefined, {
      what: `Reading the network ${name}`,
      ...optional('signal', signal),
    });
    return parseNetwork(reply.metadata, reply.etag);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Addresses that the bridge gave out. */
export async function leases(http: Http, name: string, signal?: AbortSignal): Promise<NetworkLease[]> {
  const reply = await http.request('GET', `${api('networks', name)}/leases`, undefined, {
    what: `Reading the leases of the network ${name}`,
    ...optional('signal', signal),
  });
  return items(reply.metadata).map(value => {
    const lease = object(value);
    return {
      hostname: text(lease.hostname),
      address: text(lease.address),
      hwaddr: text(lease.hwaddr),
      type: text(lease.type),
    };
  });
}
