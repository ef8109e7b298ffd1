import { Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { RequestContext } from '../flows/context.ts';
import type { InitializeResult } from '../protocol/methods.ts';
import { PROTOCOL_VERSION } from '../protocol/types.ts';
import type { App, LogMessage } from './app.ts';
import { ClientConnection, type Streams } from './client.ts';
import { unknownMethod } from './errors.ts';
import { parseInitialize, parseUpdate } from './session.ts';

/** How the backend ends: `drain` gives what is under way 10 s, `shutdown` waits for it, `abandon` gives it up at once. */
export type Ending = 'drain' | 'shutdown' | 'abandon';

/** What a Service needs. */
export interface ServiceOptions {
  log: Log;
  version: string;
  /** The App, as soon as it is made; a request waits for it. */
  app: Promise<App>;
  /** The number of clients or of requests has changed. */
  onActivity(): void;
  /** A client asked the backend to end. */
  onEnding(how: Ending): void;
}

/** Requests that a client may send without initialize: a newer extension must be able to replace a backend it cannot talk to. */
const BEFORE_INITIALIZE = new Set(['initialize', 'backend/drain', 'shutdown']);

/** Messages that are kept for the next client. */
const UNHEARD = 64;

/** All clients and what they have in common: who may ask what when, and that every change reaches everyone. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #clients = new Set<ClientConnection>();
  /** What was to be said while nobody was there, such as what was mended at the start: the next client is told. */
  readonly #unheard: LogMessage[] = [];
  #nextId = 1;
  #running = 0;
  #waiting: (() => void)[] = [];
  #refusal: Failure | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** Begins to pass on what the App reports. */
  attach(app: App): void {
    app.onChange(change => {
      for (const client of this.#clients) client.change(change);
    });
    app.onMessage(message => {
      const hearing = [...this.#clients].filter(client => client.initialized);
      for (const client of hearing) client.message(message);
      if (hearing.length > 0) return;
      this.#unheard.push(message);
      if (this.#unheard.length > UNHEARD) this.#unheard.shift();
    });
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Requests whose work has not ended, also of clients that have gone. */
  get running(): number {
    return this.#running;
  }

  /** Settles as soon as no request is under way. */
  settled(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  /** Serves one more client. */
  accept(streams: Streams): void {
    const client = new ClientConnection({
      id: this.#nextId++,
      streams,
      log: this.#options.log,
      dispatch: (connection, method, params, context) => this.#dispatch(connection, method, params, context),
      onClose: connection => {
        this.#clients.delete(connection);
        this.#options.onActivity();
      },
    });
    this.#clients.add(client);
    this.#options.onActivity();
  }

  /** From now on every new request fails with this. */
  refuse(refusal: Failure): void {
    this.#refusal = refusal;
  }

  /** Gives up the requests under way. */
  abort(reason: Failure): void {
    for (const client of this.#clients) client.abort(reason);
  }

  /** Ends every connection, once the last replies have gone. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients].map(client => client.flushed()));
    for (const client of [...this.#clients]) client.close();
  }

  async #dispatch(
    connection: ClientConnection,
    method: string,
    params: unknown,
    context: RequestContext,
  ): Promise<unknown> {
    this.#running += 1;
    try {
      return await this.#serve(connection, method, params, context);
    } finally {
      this.#running -= 1;
      if (this.#running === 0) for (const wake of this.#waiting.splice(0)) wake();
      this.#options.onActivity();
    }
  }

  async #serve(connection: ClientConnection, method: string, params: unknown, context: RequestContext) {
    if (method === 'backend/drain' || method === 'shutdown') return this.#end(method);
    if (this.#refusal !== undefined) throw this.#refusal;
    if (!connection.initialized && !BEFORE_INITIALIZE.has(method))
      throw new Failure('invalid', `${method} came before initialize.`, { hint: 'Send initialize first.' });
    const app = await this.#options.app;
    if (method === 'initialize') return this.#initialize(connection, params, app);
    if (method === 'client/update') this.#update(connection, params);
    const handler = handlerOf(app, method);
    if (handler !== undefined) return handler(params, context);
    if (method === 'client/update') return {};
    if (method === 'state/get') return app.snapshot();
    throw unknownMethod(method);
  }

  #initialize(connection: ClientConnection, params: unknown, app: App): InitializeResult {
    if (connection.initialized) throw new Failure('invalid', 'This client has already sent initialize.');
    const { protocolVersion, client, workspaces, settings } = parseInitialize(params);
    if (protocolVersion !== PROTOCOL_VERSION) throw this.#otherProtocol(protocolVersion);
    connection.session.workspaces = workspaces;
    connection.session.settings = settings ?? {};
    this.#options.log.info(`client ${connection.session.id} is ${client.name} ${client.version}`);
    connection.subscribe();
    for (const message of this.#unheard.splice(0)) connection.message(message);
    return {
      protocolVersion: PROTOCOL_VERSION,
      server: { version: this.#options.version, pid: process.pid },
      state: app.snapshot(),
    };
  }

  #update(connection: ClientConnection, params: unknown): void {
    const { workspaces, settings } = parseUpdate(params);
    if (workspaces !== undefined) connection.session.workspaces = workspaces;
    if (settings !== undefined) connection.session.settings = settings;
  }

  #end(method: 'backend/drain' | 'shutdown'): Record<string, never> {
    // Later, so that the reply goes first.
    setImmediate(() => this.#options.onEnding(method === 'shutdown' ? 'shutdown' : 'drain'));
    return {};
  }

  #otherProtocol(theirs: number): Failure {
    const message = `The backend speaks version ${PROTOCOL_VERSION} of the protocol, this client version ${theirs}.`;
    return new Failure('invalid', message, {
      hint: 'Reload Window',
      detail: `protocol=${PROTOCOL_VERSION} version=${this.#options.version}`,
    });
  }
}

function handlerOf(app: App, method: string) {
  return Object.hasOwn(app.handlers, method) ? app.handlers[method as keyof App['handlers']] : undefined;
}
