import type { Readable, Writable } from 'node:stream';
import {
  type CancellationToken,
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ResponseError,
} from 'vscode-jsonrpc/node';
import { Failure, isCancelled, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { RequestContext } from '../flows/context.ts';
import type { StateChange } from '../protocol/types.ts';
import type { LogMessage } from './app.ts';
import { ask } from './ask.ts';
import { toResponseError } from './errors.ts';
import { Outbox } from './outbox.ts';
import { BoundedMessageReader, MalformedMessage } from './reader.ts';
import { Session } from './session.ts';
import { Tasks } from './tasks.ts';
import { TrackedMessageWriter } from './writer.ts';

/** The largest message that a client may send: room for slot/exec's standard input. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
/** Requests of one client that may be under way at once. */
const MAX_REQUESTS = 512;

/** Both directions to one client. */
export interface Streams {
  input: Readable;
  output: Writable;
}

/** What a connection needs from those who hold it. */
export interface ConnectionOptions {
  id: number;
  streams: Streams;
  log: Log;
  /** Answers one request. */
  dispatch(connection: ClientConnection, method: string, params: unknown, context: RequestContext): Promise<unknown>;
  onClose(connection: ClientConnection): void;
}

/** One client: its requests, each of which settles, and its notifications, which never pile up. */
export class ClientConnection {
  readonly session: Session;
  initialized = false;
  readonly #options: ConnectionOptions;
  readonly #rpc: MessageConnection;
  readonly #writer: TrackedMessageWriter;
  readonly #outbox: Outbox;
  readonly #tasks: Tasks;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const reader = new BoundedMessageReader(options.streams.input, MAX_MESSAGE_BYTES);
    this.#writer = new TrackedMessageWriter(options.streams.output);
    this.#rpc = createMessageConnection(reader, this.#writer, rpcLogger(options.log));
    this.#outbox = new Outbox((method, params) => this.#rpc.sendNotification(method, params));
    this.#tasks = new Tasks();
    this.session = new Session(options.id, (method, params) => ask(this.#rpc, method, params));
    this.#rpc.onRequest((method, params, token) => this.#answer(method, params ?? {}, token));
    this.#rpc.onError(([error]) => {
      options.log.warn(`client ${options.id}: ${error.message}`);
      if (error instanceof MalformedMessage) this.#writer.write(parseError(error)).catch(() => this.close());
    });
    this.#rpc.onClose(() => this.close());
    this.#rpc.listen();
  }

  /** From here on changes are due to this client; they are sent once the reply under way has gone. */
  subscribe(): void {
    this.initialized = true;
    setImmediate(() => this.#outbox.release());
  }

  change(change: StateChange): void {
    if (this.initialized) this.#outbox.change(change);
  }

  message(message: LogMessage): void {
    if (this.initialized) this.#outbox.message(message);
  }

  /** Gives up the requests under way, for this reason. */
  abort(reason: Failure): void {
    this.#tasks.abortAll(reason);
  }

  /** Settles when the system has taken every reply and notification. */
  flushed(): Promise<void> {
    return this.#writer.flushed();
  }

  /** Ends the connection: what is under way is given up, what the client was asked is rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.abort(new Failure('cancelled', 'The client has gone.'));
    this.#rpc.dispose();
    this.#options.streams.input.destroy();
    // Not destroyed: on standard output the last reply may still be on its way.
    this.#options.streams.output.end();
    this.#options.onClose(this);
  }

  async #answer(method: string, params: unknown, token: CancellationToken): Promise<unknown> {
    const { log } = this.#options;
    const controller = new AbortController();
    const cancelled = () => controller.abort(new Failure('cancelled', `${method} was cancelled.`));
    const cancellation = token.onCancellationRequested(cancelled);
    if (token.isCancellationRequested) cancelled();
    try {
      if (this.#tasks.size >= MAX_REQUESTS) throw tooMany();
      const context = this.#contextOf(params, controller.signal);
      const work = async () => this.#options.dispatch(this, method, params, context);
      return await this.#tasks.run(controller, work, error => {
        if (!isCancelled(error)) log.warn(`${method} was given up and then failed: ${messageOf(error)}`);
      });
    } catch (error) {
      throw toResponseError(error, method, log);
    } finally {
      cancellation.dispose();
      this.#outbox.flush();
    }
  }

  #contextOf(params: unknown, signal: AbortSignal): RequestContext {
    const token = typeof params === 'object' && params !== null && 'progress' in params ? params.progress : undefined;
    const wanted = typeof token === 'string' || typeof token === 'number' ? token : undefined;
    return {
      client: this.session,
      signal,
      progress: value => {
        if (wanted !== undefined && !signal.aborted) this.#outbox.progress(wanted, value);
      },
    };
  }
}

function tooMany(): Failure {
  return new Failure('unavailable', `This client already has ${MAX_REQUESTS} requests under way.`, {
    hint: 'Wait until some of them have ended.',
  });
}

function parseError(error: Error) {
  return { jsonrpc: '2.0', id: null, error: new ResponseError(ErrorCodes.ParseError, error.message).toJson() };
}

function rpcLogger(log: Log) {
  const short = (message: string) => message.slice(0, 2000);
  return {
    error: (message: string) => log.error(short(message)),
    warn: (message: string) => log.warn(short(message)),
    info: (message: string) => log.info(short(message)),
    log: (message: string) => log.debug(short(message)),
  };
}
