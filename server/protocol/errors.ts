/** Kinds of failure that a client can tell apart. */
export type ErrorKind =
  | 'unavailable'
  | 'permission'
  | 'not-found'
  | 'conflict'
  | 'invalid'
  | 'config'
  | 'untrusted'
  | 'timeout'
  | 'agent'
  | 'isolation'
  | 'cancelled'
  | 'internal';

/** JSON-RPC code of each kind; outside the range that JSON-RPC reserves, but for the last two, which LSP made customary. */
export const ERROR_CODES: Readonly<Record<ErrorKind, number>> = {
  unavailable: -31001,
  permission: -31002,
  'not-found': -31003,
  conflict: -31004,
  invalid: -31005,
  config: -31006,
  untrusted: -31007,
  timeout: -31008,
  agent: -31009,
  isolation: -31010,
  cancelled: -32800,
  internal: -32603,
};

/** `detail` of the failure for an image that is not there, so that a client can ask "Build it now?". */
export const IMAGE_MISSING = 'image-missing';

/** `detail` of the failure for a secret that the client does not have, so that it can ask for it. */
export const SECRET_MISSING = 'secret-missing';

/** `data` of each error reply: `hint` is the next step, `detail` is for the log. */
export interface ErrorData {
  kind: ErrorKind;
  hint?: string;
  detail?: string;
  /** With `image-missing`: which image, and whether image/build of this alias makes the one that is meant. */
  image?: { alias: string; buildable: boolean };
  /** With `secret-missing`: its name. */
  secret?: string;
}
