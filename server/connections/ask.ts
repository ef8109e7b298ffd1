import { CancellationTokenSource, type MessageConnection, ResponseError } from 'vscode-jsonrpc/node';
import { Failure, messageOf } from '../base/errors.ts';
import type { ClientRequests } from '../protocol/methods.ts';

/** Milliseconds that a client has for an answer. */
const ANSWER_TIMEOUT = 30_000;

/** A client that has no such method has nothing to tell by it (JSON-RPC 2.0, 5.1). */
const NO_METHOD = -32601;

/**
 * Asks a client; undefined from one that does not know the method. Fails with `timeout` or, also when the client goes meanwhile, `unavailable`.
 */
export async function ask<M extends keyof ClientRequests>(
  rpc: MessageConnection,
  method: M,
  params: ClientRequests[M]['params'],
): Promise<unknown> {
  const source = new CancellationTokenSource();
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    source.cancel();
    reject(new Failure('timeout', `The client did not answer ${method} within ${ANSWER_TIMEOUT / 1000} s.`));
  }, ANSWER_TIMEOUT);
  const answer = rpc.sendRequest<unknown>(method, params, source.token).catch((error: unknown) => {
    if (error instanceof ResponseError && error.code === NO_METHOD) return undefined;
    throw new Failure('unavailable', `The client could not answer ${method}: ${messageOf(error)}`);
  });
  try {
    return await Promise.race([answer, expired]);
  } finally {
    clearTimeout(timer);
    source.dispose();
  }
}
