import { IncusError, isNotFound } from './errors.ts';
import { api, type Http } from './http.ts';
import { wait } from './operations.ts';
import { list as items, number, object, optional, stringMap, text } from './parse.ts';
import type { Image, ImageAlias } from './types/image.ts';

type Cancellable = { signal?: AbortSignal };

export function parseImage(value: unknown): Image {
  const i = object(value);
  const properties = stringMap(i.properties);
  return {
    fingerprint: text(i.fingerprint),
    aliases: items(i.aliases).map(alias => text(object(alias).name)),
    properties,
    sizeBytes: number(i.size),
    createdAt: text(i.created_at),
    uploadedAt: text(i.uploaded_at),
    architecture: text(i.architecture),
    type: text(i.type),
    cached: i.cached === true,
    ...optional('description', properties.description),
  };
}

/** All images of the project. */
export async function list(http: Http, signal?: AbortSignal): Promise<Image[]> {
  const reply = await http.request('GET', '/1.0/images?recursion=1', undefined, {
    what: 'Listing the images',
    ...optional('signal', signal),
  });
  return items(reply.metadata).map(parseImage);
}

/** Undefined when there is none. */
export async function get(http: Http, fingerprint: string, signal?: AbortSignal): Promise<Image | undefined> {
  const what = `Reading the image ${fingerprint}`;
  const found = await optionalGet(http, api('images', fingerprint), what, signal);
  return found === undefined ? undefined : parseImage(found);
}

export async function byAlias(http: Http, name: string, signal?: AbortSignal): Promise<Image | undefined> {
  const found = await alias(http, name, signal);
  return found === undefined ? undefined : get(http, found.fingerprint, signal);
}

/** What an alias points at; undefined when there is none. */
export async function alias(http: Http, name: string, signal?: AbortSignal): Promise<ImageAlias | undefined> {
  const found = await optionalGet(http, aliasPath(name), `Reading the image alias ${name}`, signal);
  if (found === undefined) return undefined;
  const a = object(found);
  return { name: text(a.name), fingerprint: text(a.target), description: text(a.description) };
}

async function optionalGet(http: Http, path: string, what: string, signal?: AbortSignal): Promise<unknown> {
  try {
    return (await http.request('GET', path, undefined, { what, ...optional('signal', signal) })).metadata;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function aliasPath(name: string): string {
  return api('images', 'aliases', name);
}

export async function createAlias(
  http: Http,
  name: string,
  fingerprint: string,
  o: Cancellable & { description?: string } = {},
): Promise<void> {
  const body = { name, target: fingerprint, type: 'container', description: o.description ?? '' };
  const what = `Creating the image alias ${name}`;
  await http.request('POST', '/1.0/images/aliases', body, { what, ...optional('signal', o.signal) });
}

/** Points the alias at the image, whether it existed or not; containers made before keep theirs. */
export async function moveAlias(
  http: Http,
  name: string,
  fingerprint: string,
  o: Cancellable & { description?: string } = {},
): Promise<void> {
  const found = await alias(http, name, o.signal);
  try {
    if (found === undefined) return await createAlias(http, name, fingerprint, o);
  } catch (error) {
    // Somebody else created it in between: then it is there to be moved.
    if (!(error instanceof IncusError) || error.reason !== 'exists') throw error;
  }
  const body = { target: fingerprint, description: o.description ?? found?.description ?? '' };
  const what = `Moving the image alias ${name}`;
  await http.request('PUT', aliasPath(name), body, { what, ...optional('signal', o.signal) });
}

/** None is a success. */
export async function deleteAlias(http: Http, name: string, signal?: AbortSignal): Promise<void> {
  try {
    const what = `Deleting the image alias ${name}`;
    await http.request('DELETE', aliasPath(name), undefined, { what, ...optional('signal', signal) });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** None is a success. */
export async function remove(http: Http, fingerprint: string, signal?: AbortSignal): Promise<void> {
  const o = { what: `Deleting the image ${fingerprint}`, ...optional('signal', signal) };
  try {
    const reply = await http.request('DELETE', api('images', fingerprint), undefined, o);
    if (reply.operation !== undefined) await wait(http, reply.operation, o);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
