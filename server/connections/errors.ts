import { homedir } from 'node:os';
import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { Failure, isCancelled, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { fileFailure } from '../base/system-errors.ts';
import { ERROR_CODES, type ErrorData } from '../protocol/errors.ts';

/**
 * What a client is told of something that was thrown. What nobody expected becomes `internal`: its stack goes to the
 * log and not to the client.
 */
export function toResponseError(error: unknown, method: string, log: Log): ResponseError<ErrorData> {
  if (error instanceof ResponseError) return error;
  if (error instanceof Failure) return fromFailure(error);
  if (isCancelled(error)) return fromFailure(new Failure('cancelled', `${method} was cancelled.`));
  const refused = fileFailure(error, homedir());
  if (refused !== undefined) return fromFailure(refused);
  log.error(
    `${method} failed unexpectedly: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return new ResponseError(ERROR_CODES.internal, `Something unexpected went wrong: ${messageOf(error)}`, {
    kind: 'internal',
    hint: "The backend's log has the details: ~/.coi/logs/incus-agents.log",
  });
}

/** The reply to a method that does not exist here, with the code that JSON-RPC gives it. */
export function unknownMethod(method: string): ResponseError<ErrorData> {
  return new ResponseError(
    ErrorCodes.MethodNotFound,
    `The backend has no method ${JSON.stringify(method.slice(0, 100))}.`,
    {
      kind: 'invalid',
      hint: 'Reload the window, so that the extension and its backend are of the same version.',
    },
  );
}

function fromFailure(failure: Failure): ResponseError<ErrorData> {
  return new ResponseError(ERROR_CODES[failure.kind], failure.message, failure.data());
}
