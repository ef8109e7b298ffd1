import { Failure } from '../base/errors.ts';
import { IncusError, isNotFound } from './errors.ts';
import { api, type Http } from './http.ts';
import { wait } from './operations.ts';
import { list as items, number, object, optional, stringMap, stringMaps, text, texts, time } from './parse.ts';
import type { InstanceFragment } from './types/config.ts';
import type { Instance, InstanceDefinition } from './types/instance.ts';

const RUNNING = 103;
const FROZEN = 110;
const READY = 113;
const PUT_ATTEMPTS = 5;

/** Running as Incus counts it: "Ready" replaces "Running" when the guest says so. */
export function isRunning(statusCode: number): boolean {
  return statusCode === RUNNING || statusCode === READY;
}

export function isFrozen(statusCode: number): boolean {
  return statusCode === FROZEN;
}

export function parseInstance(value: unknown): Instance {
  const i = object(value);
  const statusCode = number(i.status_code);
  const config = stringMap(i.config);
  return {
    name: text(i.name),
    status: text(i.status),
    statusCode,
    running: isRunning(statusCode),
    frozen: isFrozen(statusCode),
    type: text(i.type),
    createdAt: text(i.created_at),
    config,
    devices: stringMaps(i.devices),
    expandedConfig: stringMap(i.expanded_config),
    expandedDevices: stringMaps(i.expanded_devices),
    profiles: texts(i.profiles),
    ephemeral: i.ephemeral === true,
    stateful: i.stateful === true,
    description: text(i.description),
    architecture: text(i.architecture),
    project: text(i.project),
    location: text(i.location),
    ...optional('lastUsedAt', time(i.last_used_at)),
    ...optional('imageDescription', config['image.description']),
    ...optional('imageFingerprint', config['volatile.base_image']),
  };
}

/** All of the project. */
export async function list(http: Http, signal?: AbortSignal): Promise<Instance[]> {
  const reply = await http.request('GET', '/1.0/instances?recursion=1', undefined, {
    what: 'Listing the containers',
    ...optional('signal', signal),
  });
  return items(reply.metadata).map(parseInstance);
}

/** One with its etag; undefined when there is none. */
export async function get(
  http: Http,
  name: string,
  signal?: AbortSignal,
): Promise<{ instance: Instance; etag: string } | undefined> {
  try {
    const reply = await http.request('GET', api('instances', name), undefined, {
      what: `Reading the container ${name}`,
      ...optional('signal', signal),
    });
    return { instance: parseInstance(reply.metadata), etag: reply.etag ?? '' };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export async function patch(
  http: Http,
  name: string,
  part: InstanceFragment,
  o: { etag?: string; signal?: AbortSignal } = {},
): Promise<void> {
  const what = `Changing the container ${name}`;
  // Incus would empty a description that is not sent along.
  const description = (await get(http, name, o.signal))?.instance.description ?? '';
  const body = { description, ...part };
  const reply = await http.request('PATCH', api('instances', name), body, { ...o, what });
  // Synchronous so far, but the API leaves it open.
  if (reply.operation !== undefined) await wait(http, reply.operation, { what, ...optional('signal', o.signal) });
}

/** Reads, changes and writes everything, again and again while somebody else changes it in between. */
export async function put(
  http: Http,
  name: string,
  change: (definition: InstanceDefinition) => InstanceDefinition,
  o: { signal?: AbortSignal } = {},
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await putOnce(http, name, change, o);
    } catch (error) {
      if (!(error instanceof IncusError) || error.reason !== 'changed' || attempt === PUT_ATTEMPTS) throw error;
    }
  }
}

async function putOnce(
  http: Http,
  name: string,
  change: (definition: InstanceDefinition) => InstanceDefinition,
  o: { signal?: AbortSignal },
): Promise<void> {
  const what = `Changing the container ${name}`;
  const found = await get(http, name, o.signal);
  if (found === undefined)
    throw new Failure('not-found', `${what} failed: there is none of that name.`, {
      hint: 'It may have been deleted.',
    });
  // A PUT without the volatile.* keys is refused: everything that was read goes back.
  const { architecture, config, devices, ephemeral, profiles, description, stateful } = found.instance;
  const body = change({ architecture, config, devices, ephemeral, profiles, description, stateful });
  const reply = await http.request('PUT', api('instances', name), body, { ...o, what, etag: found.etag });
  if (reply.operation !== undefined) await wait(http, reply.operation, { ...o, what });
}

/** Deletes a stopped instance; none is a success. */
export async function remove(http: Http, name: string, signal?: AbortSignal): Promise<void> {
  const what = `Deleting the container ${name}`;
  try {
    const reply = await http.request('DELETE', api('instances', name), undefined, {
      what,
      ...optional('signal', signal),
    });
    if (reply.operation !== undefined) await wait(http, reply.operation, { what, ...optional('signal', signal) });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
