import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { MessageConnection, ProgressType } from 'vscode-jsonrpc/node';
import type { ClientRequests, Method, Notifications, ParamsOf, ResultOf } from '../../server/protocol/methods.ts';
import type { Progress, StateChange } from '../../server/protocol/types.ts';
import { BackendError, toBackendError } from './errors.ts';

/** How one request is watched and given up. */
export interface RequestOptions {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** What the backend may ask of the editor. */
export interface ClientAnswers {
  /** A secret from the editor's store; null when there is none. */
  secret(name: string): Promise<string | null>;
  /** Values of the editor's own environment; what is not set is left out. */
  environment(names: readonly string[]): Promise<Record<string, string>>;
}

/** What a Link tells its owner. */
export interface LinkEvents extends ClientAnswers {
  onChange(change: StateChange): void;
  onMessage(message: Notifications['log/message']): void;
}

/** The library of the protocol. It is a third of the extension and no part of activating it, so it comes with the first connection. */
export type Rpc = typeof import('vscode-jsonrpc/node');

/** Loads the library of the protocol. */
export function loadRpc(): Promise<Rpc> {
  return import('vscode-jsonrpc/node');
}

/** One connection to a backend. */
export class Link {
  readonly #library: Rpc;
  readonly #rpc: MessageConnection;
  readonly #progress: ProgressType<Progress>;
  readonly #socket: Socket;
  readonly #gone = Promise.withResolvers<string>();
  #closed = false;

  constructor(library: Rpc, socket: Socket, events: LinkEvents) {
    this.#library = library;
    this.#socket = socket;
    this.#progress = new library.ProgressType();
    const reader = new library.StreamMessageReader(socket);
    // Its timer would go on for ever after a connection that was lost in the middle of a message.
    reader.partialMessageTimeout = 0;
    this.#rpc = library.createMessageConnection(reader, new library.StreamMessageWriter(socket));
    this.#rpc.onClose(() => this.close('The connection to the backend was lost.'));
    this.#rpc.onError(([error]) => this.close(`The connection to the backend broke: ${error.message}`));
    this.#rpc.onNotification('state/changed', (change: StateChange) => events.onChange(change));
    this.#rpc.onNotification('log/message', (message: Notifications['log/message']) => events.onMessage(message));
    this.#rpc.onRequest('client/secret', async ({ name }: ClientRequests['client/secret']['params']) => ({
      value: await events.secret(name),
    }));
    this.#rpc.onRequest('client/environment', async ({ names }: ClientRequests['client/environment']['params']) => ({
      values: await events.environment(names),
    }));
    this.#rpc.listen();
  }

  /** Settles with the reason when the connection has gone; by then every request has been rejected. */
  get gone(): Promise<string> {
    return this.#gone.promise;
  }

  /** Sends one request. Rejects with a BackendError: at once when it is given up, or when the connection goes. */
  async request<M extends Method>(method: M, params: ParamsOf<M>, options: RequestOptions = {}): Promise<ResultOf<M>> {
    const { signal, onProgress } = options;
    if (signal?.aborted === true) throw cancelled(method);
    if (this.#closed) throw gone();
    const source = new this.#library.CancellationTokenSource();
    const given = Promise.withResolvers<never>();
    const giveUp = () => {
      source.cancel();
      given.reject(cancelled(method));
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    const token = randomUUID();
    const progress = onProgress && this.#rpc.onProgress(this.#progress, token, onProgress);
    const sent = onProgress === undefined ? params : { ...params, progress: token };
    try {
      return await Promise.race([this.#rpc.sendRequest<ResultOf<M>>(method, sent, source.token), given.promise]);
    } catch (error) {
      throw this.#closed && !(error instanceof BackendError) ? gone() : toBackendError(error);
    } finally {
      signal?.removeEventListener('abort', giveUp);
      progress?.dispose();
    }
  }

  /** Ends the connection; what is pending is rejected. */
  close(reason = 'The connection was closed.'): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rpc.dispose();
    this.#socket.destroy();
    this.#gone.resolve(reason);
  }
}

function cancelled(method: string): BackendError {
  return new BackendError('cancelled', `${method} was cancelled.`);
}

function gone(): BackendError {
  return new BackendError('unavailable', 'The connection to the backend was lost before it answered.', {
    hint: 'Try again once it is connected.',
  });
}
