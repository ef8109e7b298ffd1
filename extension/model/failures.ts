import { ERROR_CODES, type ErrorData, type ErrorKind, IMAGE_MISSING } from '../../server/protocol/errors.ts';

/** A failure as the user is told of it. */
export interface ShownFailure {
  readonly kind: ErrorKind;
  /** What failed and why, in a sentence. */
  readonly message: string;
  readonly hint?: string;
  readonly detail?: string;
  /** Of an open whose image is not there: which one, and whether it can be built. */
  readonly image?: ErrorData['image'];
  /** Of one for want of a secret: its name. */
  readonly secret?: string;
}

/** A failure that the extension itself finds, in the backend's own terms. */
export class ExtensionFailure extends Error {
  readonly data: { kind: ErrorKind; hint?: string };

  constructor(kind: ErrorKind, message: string, hint?: string) {
    super(message);
    this.name = 'ExtensionFailure';
    this.data = { kind, ...(hint === undefined ? {} : { hint }) };
  }
}

/** Something that the user can do instead: the title of a button, and the command that it runs. */
export interface Instead {
  readonly title: string;
  readonly command: string;
}

/** An act finds nothing to act on. That is no failure, so it is told without alarm, with what can be done instead. */
export class NothingToDo extends Error {
  readonly instead: Instead | undefined;

  constructor(message: string, instead?: Instead) {
    super(message);
    this.name = 'NothingToDo';
    this.instead = instead;
  }
}

/** Reads anything that was thrown: errors of the contract by their `data.kind`, others as internal. */
export function failureOf(error: unknown): ShownFailure {
  const fields = typeof error === 'object' && error !== null ? error : {};
  const data = 'data' in fields && typeof fields.data === 'object' && fields.data !== null ? fields.data : fields;
  const hint = stringIn(data, 'hint');
  const detail = stringIn(data, 'detail') ?? (error instanceof Error ? error.stack : undefined);
  const secret = stringIn(fields, 'secret');
  const image = 'image' in fields ? (fields.image as ErrorData['image']) : undefined;
  return {
    kind: kindOf(fields, data),
    message: error instanceof Error ? error.message : String(error),
    ...(hint === undefined ? {} : { hint }),
    ...(detail === undefined ? {} : { detail }),
    ...(image === undefined ? {} : { image }),
    ...(secret === undefined ? {} : { secret }),
  };
}

/** Whether the user gave up, which is never shown. */
export function isCancelled(error: unknown): boolean {
  return failureOf(error).kind === 'cancelled';
}

/**
 * Throws what failed of several things that were done at once, as one failure that names each; the only one as it is. What the user has
 * cancelled is no failure.
 */
export function throwTogether(results: readonly PromiseSettledResult<unknown>[], names: readonly string[]): void {
  const failures = results.flatMap((result, at) =>
    result.status === 'rejected' && !isCancelled(result.reason) ? [{ name: names[at], reason: result.reason }] : [],
  );
  const [first] = failures;
  if (first === undefined) return;
  if (results.length === 1) throw first.reason;
  const lines = failures.map(({ name, reason }) => `${name}: ${failureOf(reason).message}`);
  const { kind, hint } = failureOf(first.reason);
  throw new ExtensionFailure(kind, `${failures.length} of ${results.length} failed. ${lines.join('; ')}`, hint);
}

/** Whether an open failed because its image is not there. */
export function isImageMissing(failure: ShownFailure): boolean {
  return failure.kind === 'not-found' && failure.detail === IMAGE_MISSING;
}

function kindOf(error: object, data: object): ErrorKind {
  const kind = stringIn(data, 'kind');
  if (kind !== undefined && kind in ERROR_CODES) return kind as ErrorKind;
  const name = stringIn(error, 'name');
  if (name === 'AbortError' || name === 'Canceled' || name === 'CancellationError') return 'cancelled';
  const code = 'code' in error ? error.code : undefined;
  const found = Object.entries(ERROR_CODES).find(([, each]) => each === code)?.[0];
  return found === undefined ? 'internal' : (found as ErrorKind);
}

function stringIn(holder: object, key: string): string | undefined {
  const value: unknown = Reflect.get(holder, key);
  return typeof value === 'string' ? value : undefined;
}
