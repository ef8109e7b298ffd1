/** What a path inside is, as far as Incus tells. */
export type FileType = 'file' | 'directory' | 'symlink';

/** Never follows a symlink. A FIFO, socket or device shows as `file`: see readFile. */
export interface FileStat {
  type: FileType;
  uid: number;
  gid: number;
  /** Permission bits. */
  mode: number;
  size?: number;
  /** When it was changed last, in whole seconds (ms). */
  modifiedMs?: number;
}

/** How something is read inside. */
export interface ReadFile {
  /** Larger files fail with `invalid`. Default 16 MiB. */
  limit?: number;
  /** Milliseconds until the read is given up (a FIFO answers never); default 30 000. */
  timeout?: number;
  signal?: AbortSignal;
}
