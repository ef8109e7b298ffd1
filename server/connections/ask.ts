import { CancellationTokenSource, type MessageConnection } from 'vscode-jsonrpc/node';
import { Failure, messageOf } from '../base/errors.ts';
import type { ClientRequests } from '../protocol/methods.ts';

/** A client that does not answer within this many milliseconds is taken not to have what it was asked for. */
const ANSWER_TIMEOUT = 30_000;

/** Asks a client. Fails with `timeout` or, also when the client goes meanwhile, `unavailable`. */
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
    throw new Failure('unavailable', `The client could not answer ${method}: ${messageOf(error)}`);
  });
  try {
    return await Promise.race([answer, expired]);
  } finally {
    clearTimeout(timer);
    source.dispose();
  }
}
