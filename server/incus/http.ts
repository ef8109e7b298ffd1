import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';
import { Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { abortFailure, codeOf, IncusError, incusError, transportError } from './errors.ts';
import { number, object, optional, text } from './parse.ts';
import type { IncusTarget, Method, Reply, RequestOptions, ServerInfo } from './types/connection.ts';

/** Milliseconds between the attempts while the daemon says that it is starting or stopping. */
const BUSY_DELAYS = [100, 200, 400, 800, 1600, 3200, 3200];

export interface RawOptions {
  body?: string | Uint8Array;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  what: string;
}

/** HTTP over the unix socket: Incus's envelope, its errors, and the project of each path. */
export class Http {
  readonly target: IncusTarget;
  /** `GET /1.0` of this connection; forgotten when the connection breaks, as another daemon may be there afterwards. */
  info: Promise<ServerInfo> | undefined;
  readonly #agent: Agent;
  readonly #log: Log;
  readonly #closed = new AbortController();

  constructor(target: IncusTarget, log: Log) {
    this.target = target;
    this.#log = log;
    this.#agent = new Agent({
      connect: { socketPath: target.socketPath },
      // A wait for an operation is silent until its end; callers have signals instead.
      headersTimeout: 0,
      bodyTimeout: 0,
      // The daemon drops idle connections after 30 s: give them up before that.
      keepAliveTimeout: 20_000,
    });
    this.#agent.on('disconnect', () => {
      this.info = undefined;
    });
  }

  /** The path with the project in its query. */
  path(path: string, project: string | null = this.target.project): string {
    if (project === null || /[?&]project=/.test(path)) return path;
    return `${path}${path.includes('?') ? '&' : '?'}project=${encodeURIComponent(project)}`;
  }

  /** Sends JSON and opens the envelope. Repeats while the daemon says 503. */
  async request(method: Method, path: string, body?: unknown, o: RequestOptions = {}): Promise<Reply<unknown>> {
    const what = o.what ?? `${method} ${path}`;
    for (const delay of BUSY_DELAYS) {
      try {
        return await this.#once(method, path, body, what, o);
      } catch (error) {
        if (!(error instanceof IncusError) || error.reason !== 'daemon') throw error;
        this.#log.debug(`${what}: Incus is busy, again in ${delay} ms`);
      }
      await pause(delay, what, o.signal);
    }
    return this.#once(method, path, body, what, o);
  }

  /** A request whose answer is no envelope, such as a file's content. The caller reads or dumps the body. */
  async raw(method: Method, path: string, o: RawOptions): Promise<Dispatcher.ResponseData> {
    if (o.signal?.aborted) throw abortFailure(o.what, o.signal);
    try {
      return await this.#send(method, path, o);
    } catch (error) {
      throw this.#failure(error, o.what, o.signal);
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(new Failure('cancelled', 'The connection to Incus was closed.'));
    await this.#agent.destroy();
  }

  async #once(method: Method, path: string, body: unknown, what: string, o: RequestOptions): Promise<Reply<unknown>> {
    if (o.signal?.aborted) throw abortFailure(what, o.signal);
    try {
      const reply = await this.#send(method, this.path(path, o.project), {
        what,
        headers: { 'content-type': 'application/json', ...(o.etag === undefined ? {} : { 'if-match': o.etag }) },
        ...optional('body', body === undefined ? undefined : JSON.stringify(body)),
        ...optional('signal', o.signal),
      });
      return envelope(what, await reply.body.json(), header(reply, 'etag'));
    } catch (error) {
      throw this.#failure(error, what, o.signal);
    }
  }

  async #send(method: Method, path: string, o: RawOptions): Promise<Dispatcher.ResponseData> {
    const options = {
      dispatcher: this.#agent,
      method,
      headers: o.headers ?? {},
      body: o.body ?? null,
      signal: o.signal === undefined ? this.#closed.signal : AbortSignal.any([o.signal, this.#closed.signal]),
    };
    try {
      return await request(`http://incus${path}`, options);
    } catch (error) {
      // A pooled connection that the daemon dropped a moment ago: asking again is harmless for a read.
      if (method !== 'GET' || codeOf(error) !== 'UND_ERR_SOCKET') throw error;
      return request(`http://incus${path}`, options);
    }
  }

  #failure(error: unknown, what: string, signal: AbortSignal | undefined): Failure {
    if (error instanceof Failure) return error;
    if (signal?.aborted) return abortFailure(what, signal);
    if (this.#closed.signal.aborted) return abortFailure(what, this.#closed.signal);
    if (error instanceof SyntaxError)
      return new Failure('internal', `${what} failed: what answered at ${this.target.socketPath} is not Incus.`, {
        hint: 'Check the socket path.',
        cause: error,
      });
    return transportError(what, this.target.socketPath, error);
  }
}

/** Decides by `type`, never by the HTTP status: a failed wait answers 200. */
function envelope(what: string, json: unknown, etag: string | undefined): Reply<unknown> {
  const body = object(json);
  if (body.type === 'error') throw incusError(what, number(body.error_code), text(body.error));
  const operation = text(body.operation).split('?')[0];
  return {
    metadata: body.metadata ?? null,
    ...optional('etag', etag),
    ...optional('operation', operation || undefined),
  };
}

/** One header of a reply. */
export function header(reply: Dispatcher.ResponseData, name: string): string | undefined {
  const value = reply.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

async function pause(milliseconds: number, what: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted ? abortFailure(what, signal) : error;
  }
}

/** A path below /1.0 with each part encoded. */
export function api(...parts: string[]): string {
  return `/1.0/${parts.map(encodeURIComponent).join('/')}`;
}
