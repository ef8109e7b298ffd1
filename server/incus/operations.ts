import type { Log } from '../base/log.ts';
import { later } from './abort.ts';
import { abortFailure, IncusError, incusError, isNotFound } from './errors.ts';
import type { Http } from './http.ts';
import { parseOperation } from './operation-parse.ts';
import { object, optional } from './parse.ts';
import { followProgress } from './progress.ts';
import type { Method } from './types/connection.ts';
import type { OnProgress, Operation } from './types/operation.ts';

const SUCCESS = 200;
/** Milliseconds that a request which starts something may go on after an abort; it is answered within a few. */
const REPLY_GRACE = 5000;

/** The operations that have not ended. */
export async function running(http: Http, signal?: AbortSignal): Promise<Operation[]> {
  const reply = await http.request('GET', '/1.0/operations?recursion=1', undefined, {
    what: 'Listing the operations of Incus',
    ...optional('signal', signal),
  });
  const all = Object.values(object(reply.metadata)).flatMap(group => (Array.isArray(group) ? group : []));
  return all.map(parseOperation).filter(operation => !operation.finished);
}

/**
 * Waits until the operation has ended. Incus forgets an operation 5 s after its end, so this has to begin before.
 * Up to 6.0.4 and 6.11 the answer for a failed one lacks the operation (the exit code of an exec is in it): it is read again.
 */
export async function wait(
  http: Http,
  operation: string,
  o: { signal?: AbortSignal; what?: string } = {},
): Promise<Operation> {
  const path = operation.split('?')[0] ?? operation;
  const what = o.what ?? `The operation ${path}`;
  try {
    const reply = await http.request('GET', `${path}/wait`, undefined, { ...o, what });
    return final(what, parseOperation(reply.metadata));
  } catch (error) {
    if (!(error instanceof IncusError) || error.operation !== undefined) throw error;
    const again = await find(http, path);
    if (again === undefined) throw error;
    return final(what, again);
  }
}

async function find(http: Http, path: string): Promise<Operation | undefined> {
  try {
    const operation = parseOperation((await http.request('GET', path)).metadata);
    return operation.finished ? operation : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function final(what: string, operation: Operation): Operation {
  if (operation.statusCode === SUCCESS) return operation;
  throw incusError(what, operation.statusCode, operation.error, operation);
}

/** Asks to cancel; one that has ended, or that cannot be cancelled, is left alone. */
export async function cancel(http: Http, operation: string): Promise<void> {
  try {
    const found = parseOperation((await http.request('GET', operation)).metadata);
    if (!found.finished && found.mayCancel) await http.request('DELETE', operation);
  } catch (error) {
    // It ended between the two requests, or was forgotten already.
    if (!(error instanceof IncusError)) throw error;
  }
}

export interface Run {
  what: string;
  body?: unknown;
  signal?: AbortSignal;
  onProgress?: OnProgress;
  /** Told the operation's path before it is waited for. */
  onStarted?: (operation: string) => void;
}

/**
 * Sends a request and waits for the operation that it starts; gives undefined when there was none to wait for. An abort ends the
 * waiting, not the operation: callers undo.
 */
export async function runOperation(
  http: Http,
  log: Log,
  method: Method,
  path: string,
  o: Run,
): Promise<Operation | undefined> {
  if (o.signal?.aborted) throw abortFailure(o.what, o.signal);
  const progress = o.onProgress === undefined ? undefined : followProgress(http, log, o.onProgress);
  try {
    // Given up only if it gets no answer for long: else nobody would know what there is to be undone.
    const signal = o.signal === undefined ? {} : { signal: later(o.signal, REPLY_GRACE) };
    const reply = await http.request(method, path, o.body, { what: o.what, ...signal });
    if (reply.operation === undefined) return undefined;
    o.onStarted?.(reply.operation);
    progress?.follow(reply.operation);
    return await wait(http, reply.operation, o);
  } finally {
    progress?.close();
  }
}
