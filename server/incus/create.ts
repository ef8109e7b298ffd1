import { randomUUID } from 'node:crypto';
import { Failure, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { settledWithin } from './abort.ts';
import { whenFree } from './busy.ts';
import type { Http } from './http.ts';
import { get, remove } from './instances.ts';
import { cancel, runOperation, wait } from './operations.ts';
import { optional } from './parse.ts';
import { withStartLog } from './start-log.ts';
import { set } from './state.ts';
import type { CreateInstance, InstanceSource } from './types/instance.ts';
import type { OnProgress } from './types/operation.ts';

/** Milliseconds that the undoing waits for an operation that cannot be cancelled (unpacking of a large image). */
const UNDO_LIMIT = 180_000;

/** Key of an instance: which request made it. Restricted projects forbid those of Incus's own that would do (`volatile.uuid`). */
const REQUEST_KEY = 'user.incus-agents.request';

/**
 * One request creates and starts. It has a number of its own: by it, and not by the name, is known what an undoing may delete, as the
 * name can belong to an instance that somebody else made.
 */
export async function createInstance(
  http: Http,
  log: Log,
  request: CreateInstance,
  o: { signal?: AbortSignal; onProgress?: OnProgress } = {},
): Promise<void> {
  const id = randomUUID();
  const what = `Creating the container ${request.name}`;
  let operation: string | undefined;
  try {
    await runOperation(http, log, 'POST', '/1.0/instances', {
      ...o,
      what,
      body: body(request, id),
      onStarted: path => {
        operation = path;
      },
    });
  } catch (error) {
    const failure = await withStartLog(http, request.name, error);
    await undo(http, log, request.name, id, operation);
    throw failure;
  }
}

function body(request: CreateInstance, id: string): unknown {
  const { name, config, devices, profiles, description, start } = request;
  return {
    name,
    type: 'container',
    source: source(request.source),
    config: { ...config, [REQUEST_KEY]: id },
    devices: devices ?? {},
    ephemeral: false,
    start: start ?? false,
    ...optional('profiles', profiles),
    ...optional('description', description),
  };
}

function source(from: InstanceSource): unknown {
  if ('copy' in from) return { type: 'copy', source: from.copy, instance_only: from.instanceOnly ?? true };
  if ('fingerprint' in from) return { type: 'image', fingerprint: from.fingerprint };
  if ('server' in from)
    return {
      type: 'image',
      mode: 'pull',
      protocol: from.protocol ?? 'simplestreams',
      server: from.server,
      alias: from.alias,
    };
  return { type: 'image', alias: from.alias };
}

async function isOurs(http: Http, name: string, id: string): Promise<boolean> {
  return (await get(http, name))?.instance.config[REQUEST_KEY] === id;
}

/** Takes away what the failed or given-up creation left. Its own failure is logged: the first one is what the caller needs. */
async function undo(http: Http, log: Log, name: string, id: string, operation: string | undefined): Promise<void> {
  try {
    if (operation !== undefined) await ended(http, operation);
    if (!(await isOurs(http, name, id))) return;
    await whenFree(() => set(http, name, 'stop', { force: true }));
    await whenFree(() => remove(http, name));
    log.info(`Removed the half-made container ${name}`);
  } catch (error) {
    log.error(`The half-made container ${name} could not be removed: ${messageOf(error)}`);
  }
}

async function ended(http: Http, operation: string): Promise<void> {
  await cancel(http, operation);
  if (!(await settledWithin(wait(http, operation), UNDO_LIMIT)))
    throw new Failure('timeout', `The operation ${operation} does not end.`);
}
