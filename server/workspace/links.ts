import { realpath } from 'node:fs/promises';
import { normalize } from 'node:path/posix';
import { type TrustedTarget, withTrustedPath } from '../base/trusted-path.ts';

/** Directories in which agents can write, absolute and real; asked for only where it matters. */
export type Hostile = () => Promise<readonly string[]>;

/** As `withTrustedPath`; most paths have no link, and then it need not be known where agents can write. */
export async function withLinks<T>(
  path: string,
  hostile: Hostile,
  what: string,
  use: (target: TrustedTarget) => Promise<T>,
): Promise<T> {
  const cleaned = normalize(path);
  const direct = (await realpath(cleaned).catch(() => undefined)) === cleaned;
  // Without links the rule is "none at all", so that one which appears a moment later is not followed.
  return withTrustedPath(cleaned, direct ? ['/'] : await hostile(), what, use);
}
