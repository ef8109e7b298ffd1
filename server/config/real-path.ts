import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { isWithin } from './paths.ts';

const MOST_STEPS = 256;

/**
 * Where a path leads when links are followed as far as they exist; what does not exist is kept as it is written.
 * Only to judge a path, never to open it: what it says can change at once.
 */
export function realPath(path: string): string {
  let current = normalize(path);
  const rest: string[] = [];
  for (let step = 0; step < MOST_STEPS; step++) {
    const resolved = tryRealpath(current);
    if (resolved !== undefined) return join(resolved, ...rest);
    const target = tryReadlink(current);
    if (target !== undefined) {
      current = isAbsolute(target) ? normalize(target) : join(dirname(current), target);
      continue;
    }
    if (dirname(current) === current) break;
    rest.unshift(basename(current));
    current = dirname(current);
  }
  return join(current, ...rest);
}

/** Whether a path leads out of the workspace, links followed on both sides. */
export function leaves(path: string, workspace: string): boolean {
  return !isWithin(realPath(path), realPath(workspace));
}

function tryRealpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // Missing, unreadable or a cycle: the caller goes on with the part above it.
    return undefined;
  }
}

function tryReadlink(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}
