import { createHash } from 'node:crypto';

/** Highest slot number that `maxSlots` may allow. */
export const MAX_SLOT = 50;

/**
 * The eight hexadecimal digits that stand for a workspace in a container's name. `identity` is the absolute workspace
 * path as the user gave it, cleaned but with its symbolic links not resolved (as coi does).
 */
export function workspaceHash(identity: string): string {
  return createHash('sha256').update(identity, 'utf8').digest('hex').slice(0, 8);
}

/** Name of the container that holds a slot. */
export function containerName(workspace: string, slot: number): string {
  return `coi-${workspaceHash(workspace)}-${slot}`;
}

/** What a container's name says, or undefined when it cannot be a slot's. */
export function parseContainerName(name: string): { hash: string; slot: number } | undefined {
  const match = /^coi-([0-9a-f]{8})-([1-9]\d{0,3})$/.exec(name);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { hash: match[1], slot: Number(match[2]) };
}
