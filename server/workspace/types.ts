/** How git finds its data from the workspace. */
export interface GitLayout {
  /** `dir`: `.git` is a directory of the workspace. `worktree`: `.git` is a file that leads to another repository. */
  kind: 'dir' | 'worktree';
  /** Of a worktree: the repository's common directory outside of the workspace (real path), which git inside needs. */
  commonDir?: string;
  /** Of a worktree: `commonDir` as the `.git` file names it, which is where git inside looks for it. */
  commonPath?: string;
  /** Of a worktree: what `commonDir` was when it was looked at, as `<device number>:<inode>`. */
  commonIdentity?: string;
  /** Of a worktree: its own directory below `<commonDir>/worktrees` (real path). */
  gitDir?: string;
}

/** A folder of the host that agents work on. */
export interface Workspace {
  /** Absolute and cleaned, symlinks as given: this is what a container's name is made from. */
  path: string;
  /** With symlinks resolved: this is what is mounted. */
  real: string;
  /** What that was when it was looked at, as `<device number>:<inode>`. */
  identity: string;
  /** Owner of the real directory. */
  uid: number;
  gid: number;
  /** What the agent writes here belongs to the host's root: opened only after the user has agreed. */
  rootOwned: boolean;
  git?: GitLayout;
  /** Why git will not work inside (a `.git` file that leads nowhere safe), as a sentence for the user. */
  gitProblem?: string;
}
