import { isNotFound } from './errors.ts';
import { api, type Http } from './http.ts';
import { list as items, object, optional, stringMap, text, texts } from './parse.ts';
import type { Acl, AclDefinition, AclRule } from './types.ts';

function parseAcl(value: unknown, etag?: string): Acl {
  const a = object(value);
  return {
    name: text(a.name),
    description: text(a.description),
    egress: rules(a.egress),
    ingress: rules(a.ingress),
    config: stringMap(a.config),
    usedBy: texts(a.used_by),
    ...optional('etag', etag),
  };
}

/** Rules as Incus gave them; the fields that are empty strings are left out. */
function rules(value: unknown): AclRule[] {
  return items(value).map(rule => {
    const fields = Object.fromEntries(Object.entries(stringMap(rule)).filter(([, field]) => field !== ''));
    return { ...fields, action: action(fields.action), state: state(fields.state) };
  });
}

function action(value: string | undefined): AclRule['action'] {
  return value === 'allow' || value === 'reject' ? value : 'drop';
}

function state(value: string | undefined): AclRule['state'] {
  return value === 'disabled' || value === 'logged' ? value : 'enabled';
}

export async function list(http: Http, signal?: AbortSignal): Promise<Acl[]> {
  const reply = await http.request('GET', '/1.0/network-acls?recursion=1', undefined, {
    what: 'Listing the network ACLs',
    ...optional('signal', signal),
  });
  return items(reply.metadata).map(value => parseAcl(value));
}

/** Undefined when there is none. */
export async function get(http: Http, name: string, signal?: AbortSignal): Promise<Acl | undefined> {
  try {
    const reply = await http.request('GET', api('network-acls', name), undefined, {
      what: `Reading the network ACL ${name}`,
      ...optional('signal', signal),
    });
    return parseAcl(reply.metadata, reply.etag);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export async function create(http: Http, name: string, acl: AclDefinition, signal?: AbortSignal): Promise<void> {
  const what = `Creating the network ACL ${name}`;
  await http.request('POST', '/1.0/network-acls', { name, ...whole(acl) }, { what, ...optional('signal', signal) });
}

/** Replaces all rules. */
export async function put(
  http: Http,
  name: string,
  acl: AclDefinition,
  o: { signal?: AbortSignal; etag?: string } = {},
): Promise<void> {
  await http.request('PUT', api('network-acls', name), whole(acl), { ...o, what: `Changing the network ACL ${name}` });
}

function whole(acl: AclDefinition): Required<AclDefinition> {
  return {
    description: acl.description ?? '',
    egress: acl.egress,
    ingress: acl.ingress,
    config: acl.config ?? {},
  };
}

/** None is a success. */
export async function remove(http: Http, name: string, signal?: AbortSignal): Promise<void> {
  try {
    await http.request('DELETE', api('network-acls', name), undefined, {
      what: `Deleting the network ACL ${name}`,
      ...optional('signal', signal),
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
