import type { Slot } from '../../server/protocol/types.ts';

/** A row of the tree. Rows hold keys only; what they show is read from the model when it is drawn. */
export type Node =
  | { readonly kind: 'workspace'; readonly id: string; readonly workspace: string; readonly own: boolean }
  | { readonly kind: 'others'; readonly id: string }
  | { readonly kind: 'slot'; readonly id: string; readonly container: string }
  | { readonly kind: 'agent'; readonly id: string; readonly container: string }
  | { readonly kind: 'shell'; readonly id: string; readonly container: string }
  | { readonly kind: 'details'; readonly id: string; readonly container: string }
  | { readonly kind: 'fact'; readonly id: string; readonly container: string; readonly fact: string }
  | { readonly kind: 'slotHistory'; readonly id: string; readonly container: string }
  | { readonly kind: 'workspaceHistory'; readonly id: string; readonly workspace: string }
  | { readonly kind: 'session'; readonly id: string; readonly session: string; readonly under: string };

export type NodeKind = Node['kind'];

/** The container that a row belongs to, if it belongs to one. */
export function containerOf(node: Node | undefined): string | undefined {
  return node !== undefined && 'container' in node ? node.container : undefined;
}

/** Stable ids: nothing in them changes with state, so selection and expansion survive. */
export const nodeIds = {
  workspace: (path: string) => `workspace:${path}`,
  others: () => 'others',
  slot: (container: string) => `slot:${container}`,
  part: (container: string, part: string) => `slot:${container}/${part}`,
  workspaceHistory: (path: string) => `workspace:${path}/history`,
  session: (under: string, id: string) => `${under}/session:${id}`,
} as const;

/** Whether a value that came with a command is one of our rows. */
export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'kind' in value && 'id' in value;
}

/** Path of the private resource of the group of other workspaces. */
export const OTHERS_PATH = '/others';

/** That of a workspace's or a slot's row, each below the row above it, so that decorations roll up. */
export function rowPath(own: boolean, workspace: string, slot?: Slot): string {
  const parent = `${own ? '' : OTHERS_PATH}/${encodeURIComponent(workspace)}`;
  return slot === undefined ? parent : `${parent}/${slot.container}`;
}
