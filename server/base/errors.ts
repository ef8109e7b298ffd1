import type { ErrorData, ErrorKind } from '../protocol/errors.ts';

/**
 * The one hierarchy of expected failures. `message` says what failed and why in a sentence for the user,
 * `hint` the next step, `detail` what a log needs besides.
 */
export class Failure extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly detail: string | undefined;

  constructor(kind: ErrorKind, message: string, options: { hint?: string; detail?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.kind = kind;
    this.hint = options.hint;
    this.detail = options.detail;
  }

  /** The `data` of a JSON-RPC error. */
  data(): ErrorData {
    return {
      kind: this.kind,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    };
  }
}

/** Whether a thrown value means "the caller gave up": an AbortSignal's reason or our own kind. */
export function isCancelled(error: unknown): boolean {
  if (error instanceof Failure) return error.kind === 'cancelled';
  return error instanceof Error && error.name === 'AbortError';
}

/** Whether the system refused it for want of rights: what root inside a container made is not the user's. */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM');
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
