import { Failure } from '../base/errors.ts';
import { type ErrorKind, IMAGE_MISSING } from '../protocol/errors.ts';
import type { Operation } from './types/operation.ts';

/** Why Incus refused, as far as callers act on it. Its status codes are not reliable as classes: it is read from the text too. */
export type IncusReason =
  | 'exists'
  | 'address-taken'
  | 'changed'
  | 'full'
  | 'no-image'
  | 'not-running'
  | 'frozen'
  | 'is-running'
  | 'in-use'
  | 'busy'
  | 'no-processes'
  | 'idmap'
  | 'start-failed'
  | 'daemon';

/** Something that Incus answered. `status` is its error code, `operation` the failed operation if there was one. */
export class IncusError extends Failure {
  readonly status: number;
  readonly reason: IncusReason | undefined;
  readonly operation: Operation | undefined;

  constructor(
    kind: ErrorKind,
    message: string,
    o: { status: number; reason?: IncusReason; operation?: Operation; hint?: string; detail?: string },
  ) {
    super(kind, message, {
      ...(o.hint === undefined ? {} : { hint: o.hint }),
      ...(o.detail === undefined ? {} : { detail: o.detail }),
    });
    this.name = 'IncusError';
    this.status = o.status;
    this.reason = o.reason;
    this.operation = o.operation;
  }
}

interface Rule {
  text?: RegExp;
  status?: readonly number[];
  kind: ErrorKind;
  reason?: IncusReason;
  hint?: string;
}

/** The first that fits decides. Texts are those of Incus 6.0 to 7.3. */
const RULES: readonly Rule[] = [
  {
    // The last is tar's, for a file that did not fit to its end.
    text: /no space left|disk quota exceeded|not enough (free )?space|wrote only \d+ of \d+ bytes/i,
    kind: 'unavailable',
    reason: 'full',
    hint: 'Free space in the storage pool (`incus storage info <pool>` shows it): delete what is not needed, or enlarge the pool.',
  },
  {
    // Those with "busy" come while the other creation of that name, or its start, is still under way.
    text: /UNIQUE constraint failed|already exists|is busy running a "create" operation|creating instance record: Instance is busy/i,
    kind: 'conflict',
    reason: 'exists',
    hint: 'Choose another name, or delete the one that exists.',
  },
  {
    // The card's own address follows from the IP address, so either may be found first.
    text: /(?:IP|MAC) address "[^"]*" already defined on another NIC/i,
    kind: 'unavailable',
    reason: 'address-taken',
    hint: 'Another container got that address meanwhile: try again.',
  },
  { status: [412], kind: 'conflict', reason: 'changed', hint: 'Somebody else changed it meanwhile: try again.' },
  {
    text: /image not provided for instance creation|failed getting image|image .*(not found|couldn't be found)/i,
    kind: 'not-found',
    reason: 'no-image',
    hint: 'Build or import the image first; `incus image list` shows those that exist.',
  },
  {
    text: /instance is protected/i,
    kind: 'conflict',
    hint: 'Somebody protected it from being deleted: `incus config unset <container> security.protection.delete` takes that back.',
  },
  { text: /instance is not running/i, kind: 'conflict', reason: 'not-running', hint: 'Start it first.' },
  { text: /instance is frozen/i, kind: 'conflict', reason: 'frozen', hint: 'Resume it first.' },
  { text: /instance is running/i, kind: 'conflict', reason: 'is-running', hint: 'Stop it first.' },
  {
    text: /failed to retrieve PID of executing child process|resource temporarily unavailable/i,
    kind: 'unavailable',
    reason: 'no-processes',
    hint: 'Nothing more can be started in it: end processes inside, or raise `limits.processes`.',
  },
  {
    text: /idmapping abilities are required/i,
    kind: 'unavailable',
    reason: 'idmap',
    hint: 'The file system of a mounted folder cannot shift owners: use a folder on another one (ext4, btrfs, xfs).',
  },
  {
    text: /idmap|subuid|subgid|host id |uid range|gid range/i,
    kind: 'config',
    reason: 'idmap',
    hint: 'Let root map the id: the lines `root:<id>:1` are needed in /etc/subuid and /etc/subgid.',
  },
  {
    text: /failed to run: .*forkstart/i,
    kind: 'internal',
    reason: 'start-failed',
    hint: 'The log of the start names the step: it is in the details.',
  },
  {
    text: /is busy running a/i,
    kind: 'conflict',
    reason: 'busy',
    hint: 'Something else is being done with it: try again in a moment.',
  },
  {
    text: /\bin use\b|being used|is used by/i,
    kind: 'conflict',
    reason: 'in-use',
    hint: 'Delete or detach what uses it first.',
  },
  {
    status: [503],
    kind: 'unavailable',
    reason: 'daemon',
    hint: 'Incus is starting or stopping: try again in a moment.',
  },
  {
    text: /does not have permission|not authorized|forbidden|restricted in this project|not allowed/i,
    kind: 'permission',
    hint: 'Use a project that allows it, or a user in the group incus-admin.',
  },
  { status: [401, 403], kind: 'permission', hint: 'Use a user in the group incus-admin.' },
  { text: /context deadline exceeded/i, kind: 'timeout', hint: 'Try again, or force it.' },
  {
    text: /invalid config|unknown configuration key|invalid value/i,
    kind: 'config',
    hint: 'Correct the configuration.',
  },
  { status: [404], kind: 'not-found', hint: 'Check the name; it may have been deleted meanwhile.' },
  { text: /doesn't exist|not found/i, kind: 'not-found', hint: 'Check the name; it may have been deleted meanwhile.' },
  { status: [409], kind: 'conflict', hint: 'Try again when what runs on it has ended.' },
  { status: [400, 413], kind: 'invalid', hint: 'Correct the request.' },
];

/** The error for an answer of Incus. `what` is what was tried, as the beginning of a sentence. */
export function incusError(what: string, status: number, text: string, operation?: Operation): IncusError {
  const rule = RULES.find(r => (r.text?.test(text) ?? true) && (r.status?.includes(status) ?? true));
  return new IncusError(rule?.kind ?? 'internal', `${what} failed: ${sentence(text)}`, {
    status,
    hint: rule?.hint ?? 'See the log of Incus: `journalctl -u incus` or /var/log/incus/incusd.log.',
    ...(rule?.reason === undefined ? {} : { reason: rule.reason }),
    ...(rule?.reason === 'no-image' ? { detail: IMAGE_MISSING } : {}),
    ...(operation === undefined ? {} : { operation }),
  });
}

function sentence(text: string): string {
  const trimmed = text.trim() || 'Incus gave no reason';
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** Whether Incus said that the thing is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof IncusError && error.kind === 'not-found';
}

const BROKE = 'the connection to Incus broke.';

/** The error for a failed connection to the socket (Node's and undici's errors; the code may be in the cause). */
export function transportError(what: string, socketPath: string, error: unknown): Failure {
  const code = codeOf(error);
  const detail = `${code ?? 'no code'}: ${error instanceof Error ? error.message : String(error)}`;
  if (code === 'EACCES' || code === 'EPERM')
    return new Failure('permission', `${what} failed: this user may not use the Incus socket ${socketPath}.`, {
      hint: 'Join the group with `sudo usermod -aG incus-admin $USER`, then log out and in again.',
      detail,
    });
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK')
    return new Failure('unavailable', `${what} failed: Incus does not answer at ${socketPath}.`, {
      hint: 'Start it with `sudo systemctl start incus`, or install it.',
      detail,
    });
  return new Failure('unavailable', `${what} failed: ${BROKE}`, {
    hint: 'Try again; if it stays so, see whether Incus runs: `systemctl status incus`.',
    detail,
  });
}

/** Whether a connection that Incus had taken broke; it may serve the next one. */
export function isBroken(error: unknown): boolean {
  return error instanceof Failure && error.message.endsWith(BROKE);
}

/** The code of a system error or of undici, also from its cause. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error.cause);
}

/** What an aborted wait ends with: the signal's own reason if that is a Failure, else `cancelled`. */
export function abortFailure(what: string, signal: AbortSignal): Failure {
  return signal.reason instanceof Failure ? signal.reason : new Failure('cancelled', `${what} was cancelled.`);
}
