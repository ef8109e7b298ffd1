import { readFileSync } from 'node:fs';

/**
 * Whether this process is in a group that the other one is not in: after `usermod` and a new login, a backend from before
 * still lacks the permission that one started now would have. False when it cannot be told.
 */
export function hasMoreGroups(pid: number, own: readonly number[] = process.getgroups?.() ?? []): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const lines = [/^Groups:(.*)$/m.exec(status)?.[1], /^Gid:(.*)$/m.exec(status)?.[1]];
    const theirs = new Set(lines.join(' ').trim().split(/\s+/).map(Number));
    return own.some(group => !theirs.has(group));
  } catch {
    // Not there any more, or not Linux: nothing to replace.
    return false;
  }
}
