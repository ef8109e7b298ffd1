import { isNotFound } from './errors.ts';
import { api, type Http } from './http.ts';
import { list as items, number, object, optional, stringMap, text, texts } from './parse.ts';
import type { Config, CreateNetwork, Network, NetworkLease, NetworkState } from './types.ts';

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

/** Managed ones and the host's own interfaces. */
export async function list(http: Http, signal?: AbortSignal): Promise<Network[]> {
  const reply = await http.request('GET', '/1.0/networks?recursion=1', undefined, {
    what: 'Listing the networks',
    ...optional('signal', signal),
  });
  return items(reply.metadata).map(value => parseNetwork(value));
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

/** Makes a managed bridge (0.5 s). */
export async function create(http: Http, request: CreateNetwork, signal?: AbortSignal): Promise<void> {
  const { name, type, description, config } = request;
  const body = { name, type: type ?? 'bridge', description: description ?? '', config: config ?? {} };
  await http.request('POST', '/1.0/networks', body, {
    what: `Creating the network ${name}`,
    ...optional('signal', signal),
  });
}

/** Merges the keys; "" deletes one. Incus would empty a description that is not sent along. */
export async function patch(
  http: Http,
  name: string,
  config: Config,
  o: { signal?: AbortSignal; etag?: string } = {},
): Promise<void> {
  const what = `Changing the network ${name}`;
  const found = await get(http, name, o.signal);
  const description = found?.description ?? '';
  await http.request('PATCH', api('networks', name), { config, description }, { ...o, what });
}

/** None is a success. */
export async function remove(http: Http, name: string, signal?: AbortSignal): Promise<void> {
  try {
    await http.request('DELETE', api('networks', name), undefined, {
      what: `Deleting the network ${name}`,
      ...optional('signal', signal),
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
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

export async function readState(http: Http, name: string, signal?: AbortSignal): Promise<NetworkState> {
  const reply = await http.request('GET', `${api('networks', name)}/state`, undefined, {
    what: `Reading the state of the network ${name}`,
    ...optional('signal', signal),
  });
  const state = object(reply.metadata);
  return {
    up: state.state === 'up',
    mtu: number(state.mtu),
    hwaddr: text(state.hwaddr),
    addresses: items(state.addresses).map(value => {
      const a = object(value);
      return {
        family: text(a.family),
        address: text(a.address),
        netmask: text(a.netmask),
        scope: text(a.scope),
      };
    }),
  };
}
