import type { ResponseError } from 'vscode-jsonrpc/node';
import type { ErrorData, ErrorKind } from '../../server/protocol/errors.ts';

/** A request that failed: `message` says what and why, `hint` what to do next, `detail` is for the log. */
export class BackendError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly detail: string | undefined;
  readonly image: ErrorData['image'];
  readonly secret: string | undefined;

  constructor(
    kind: ErrorKind,
    message: string,
    more: {
      hint?: string | undefined;
      detail?: string | undefined;
      image?: ErrorData['image'];
      secret?: string | undefined;
    } = {},
  ) {
    super(message);
    this.name = 'BackendError';
    this.kind = kind;
    this.hint = more.hint;
    this.detail = more.detail;
    this.image = more.image;
    this.secret = more.secret;
  }
}

/** There can be no connection, and trying again does not change it; `action` is what the user can do. */
export class Hopeless extends BackendError {
  readonly action: 'reload' | 'none';

  constructor(message: string, hint: string, action: 'reload' | 'none') {
    super('unavailable', message, { hint });
    this.action = action;
  }
}

const KINDS: ReadonlySet<string> = new Set<ErrorKind>([
  'unavailable',
  'permission',
  'not-found',
  'conflict',
  'invalid',
  'config',
  'untrusted',
  'timeout',
  'agent',
  'isolation',
  'cancelled',
  'internal',
]);

/** Any thrown value as a BackendError; an error reply keeps its kind, hint, detail, image and secret. */
export function toBackendError(error: unknown): BackendError {
  if (error instanceof BackendError) return error;
  if (!(error instanceof Error)) return new BackendError('internal', String(error));
  if (!isReply(error)) return new BackendError('unavailable', error.message);
  const data: unknown = error.data;
  if (typeof data !== 'object' || data === null || !('kind' in data) || !isKind(data.kind))
    return new BackendError('internal', error.message);
  return new BackendError(data.kind, error.message, {
    hint: 'hint' in data && typeof data.hint === 'string' ? data.hint : undefined,
    detail: 'detail' in data && typeof data.detail === 'string' ? data.detail : undefined,
    image: 'image' in data ? imageOf(data.image) : undefined,
    secret: 'secret' in data && typeof data.secret === 'string' ? data.secret : undefined,
  });
}

function imageOf(value: unknown): ErrorData['image'] {
  if (typeof value !== 'object' || value === null || !('alias' in value) || typeof value.alias !== 'string')
    return undefined;
  return { alias: value.alias, buildable: 'buildable' in value && value.buildable === true };
}

/** An error reply; told by its shape, since the class is not loaded before the first connection. Errors of the system have words as codes. */
function isReply(error: Error): error is ResponseError<unknown> {
  return 'data' in error && 'code' in error && typeof error.code === 'number';
}

function isKind(value: unknown): value is ErrorKind {
  return typeof value === 'string' && KINDS.has(value);
}
