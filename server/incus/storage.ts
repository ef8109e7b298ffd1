import { isNotFound } from './errors.ts';
import { api, type Http } from './http.ts';
import { list, object, optional, stringMap, stringMaps, text } from './parse.ts';
import type { Devices, Profile } from './types/config.ts';
import type { Pool, PoolResources } from './types/storage.ts';

function parsePool(value: unknown): Pool {
  const p = object(value);
  return {
    name: text(p.name),
    driver: text(p.driver),
    description: text(p.description),
    config: stringMap(p.config),
    status: text(p.status),
  };
}

function parseProfile(value: unknown): Profile {
  const p = object(value);
  return {
    name: text(p.name),
    description: text(p.description),
    config: stringMap(p.config),
    devices: stringMaps(p.devices),
  };
}

/** The disk that a profile gives a container for itself, or that a container has, whatever the device is called. */
export function rootDisk(profile: Pick<Profile, 'devices'> | undefined): Devices[string] | undefined {
  return Object.values(profile?.devices ?? {}).find(device => device.type === 'disk' && device.path === '/');
}

/** All storage pools; they belong to no project. */
export async function pools(http: Http, signal?: AbortSignal): Promise<Pool[]> {
  const what = 'Listing the storage pools';
  const reply = await http.request('GET', '/1.0/storage-pools?recursion=1', undefined, {
    what,
    project: null,
    ...optional('signal', signal),
  });
  return list(reply.metadata).map(parsePool);
}

/** Undefined when there is none. */
export async function pool(http: Http, name: string, signal?: AbortSignal): Promise<Pool | undefined> {
  const found = await read(http, api('storage-pools', name), `Reading the storage pool ${name}`, null, signal);
  return found === undefined ? undefined : parsePool(found);
}

/** Space of a pool as its driver counts it. */
export async function poolResources(http: Http, name: string, signal?: AbortSignal): Promise<PoolResources> {
  const reply = await http.request('GET', `${api('storage-pools', name)}/resources`, undefined, {
    what: `Reading the space of the storage pool ${name}`,
    project: null,
    ...optional('signal', signal),
  });
  const resources = object(reply.metadata);
  return {
    ...optional('space', usage(resources.space)),
    ...optional('inodes', usage(resources.inodes)),
  };
}

function usage(value: unknown): { used: number; total: number } | undefined {
  const { used, total } = object(value);
  return typeof used === 'number' && typeof total === 'number' && total > 0 ? { used, total } : undefined;
}

/** Undefined when there is none. */
export async function profile(http: Http, name: string, signal?: AbortSignal): Promise<Profile | undefined> {
  const found = await read(http, api('profiles', name), `Reading the Incus profile ${name}`, undefined, signal);
  return found === undefined ? undefined : parseProfile(found);
}

async function read(
  http: Http,
  path: string,
  what: string,
  project: null | undefined,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  try {
    const options = { what, ...optional('signal', signal), ...optional('project', project) };
    return (await http.request('GET', path, undefined, options)).metadata;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
