import type { InstanceFragment } from '../../incus/types/config.ts';

/** How firmly the protected paths of a slot are held: as asked for, and as it came out. */
export type ProtectionLevel = 'locked' | 'weak' | 'off';

/** What the configuration says about protection, and what of the surroundings it depends on. */
export interface ProtectionOptions {
  container: string;
  /** Incus project, `default` unless said. */
  project?: string;
  /** The workspace keeps its own path inside. */
  preserve: boolean;
  /** The level that the user chose by name. */
  level: ProtectionLevel;
  /** Paths relative to the workspace; those below `.git/` mean git's own directory, wherever it is. */
  paths: readonly string[];
  /** Exceptions: these, and what lies below them, stay writable. */
  writable: readonly string[];
  /** Make protected files immutable on the host while a slot runs; without it the level is `weak` at best. */
  immutable: boolean;
  /** Globs of what is seen as empty inside. A pattern without a slash matches at any depth. */
  secrets: readonly string[];
  /** Whether the project lets an instance have `raw.lxc`: see `allowsHooks`. */
  hooks: boolean;
  /** Where Incus keeps its data, /var/lib/incus unless said. */
  incusDir?: string;
  /** A shell command that undoes what hooks before these did, when these refuse the start. */
  refused?: string;
}

/**
 * What is done with a path. `pin`: mounted onto itself, so that it cannot be moved away. `lock`: read-only.
 * `hide`: seen as empty.
 */
export type ItemAction = 'pin' | 'lock' | 'hide';

/** In a `commondir`: git's directory itself, which is what git does without one. */
export const SAME = '.';
/** In a `commondir`: a place that no agent can make, so that the directory that has it is none of git's. */
export const NOWHERE = '/placeholder-of-incus-agents';

/** What a placeholder holds: what its readers take for "nothing". */
export type Content = '' | '{}' | typeof SAME | typeof NOWHERE;

/** One path of a tree that gets a mount of its own. */
export interface Item {
  /** Relative to the tree, cleaned. */
  path: string;
  action: ItemAction;
  kind: 'dir' | 'file';
  /** What a placeholder holds; only for files. */
  content?: Content;
  /** Without the flag of the file system: what git on the host has to replace things in. */
  unflagged?: boolean;
  /** Whether git would show a placeholder of that name. */
  visible?: boolean;
}

/** A directory of the host that is mounted into the container, with what is protected in it. */
export interface Tree {
  /** Name of the disk device. */
  device: string;
  /** Real path on the host. */
  source: string;
  /** Path inside. */
  path: string;
  /** `<device number>:<inode>` on the host: what is mounted must be this. */
  identity: string;
  uid: number;
  gid: number;
  items: Item[];
  /** Git's file of ignored paths in this tree, for placeholders. */
  exclude?: string;
}

/** How the protected paths of one slot are held. */
export interface ProtectionPlan {
  effective: ProtectionLevel;
  /** To be merged into the instance: hooks (`raw.lxc`) and keys. */
  fragment: InstanceFragment;
  /** Whether the devices of the workspace have to be recursive (`recursive` of `workspaceFragment`). */
  recursive: boolean;
  /** What cannot be changed inside, relative to the workspace or absolute inside; for the context file. */
  protectedPaths: string[];
  /** What is seen as empty inside, relative to the workspace. */
  secretPaths: string[];
}
