import type { Method, ParamsOf, ResultOf } from '../../server/protocol/methods.ts';
import type { Progress } from '../../server/protocol/types.ts';

/** How a request is followed and given up. */
export interface RequestOptions {
  signal?: AbortSignal;
  /** Only methods that take `progress` report any. */
  onProgress?: (progress: Progress) => void;
}

/** What commands and views need of the backend: typed requests. Rejects with an error that carries `data.kind`. */
export interface BackendApi {
  request<M extends Method>(method: M, params: ParamsOf<M>, options?: RequestOptions): Promise<ResultOf<M>>;
}

/** How the extension stands to the backend. `idle`: not needed yet, so not started. */
export type Link =
  | { state: 'idle' }
  | { state: 'starting' }
  | { state: 'ready' }
  | { state: 'reconnecting' }
  /** Nothing happens until the user acts; `action` is what helps: a new backend, a new window, or nothing here. */
  | { state: 'failed'; message: string; action: 'restart' | 'reload' | 'none' };
