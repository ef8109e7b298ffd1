/** As whom and where a process runs inside. */
export interface ExecOptions {
  /** Numeric ids inside; default 0. There are no supplementary groups. */
  user?: number;
  group?: number;
  /** Default "/". A directory that is missing silently becomes "/" (Incus does that). */
  cwd?: string;
  /** Readable in the host's process list and in events: never a secret. HOME and USER exist by default for uid 0 only. */
  env?: Record<string, string>;
  /** Default true: an own session, so that no `kill 0` of one exec reaches another. */
  setsid?: boolean;
  signal?: AbortSignal;
}

/** How a process is run to its end. */
export interface RunOptions extends ExecOptions {
  stdin?: string | Uint8Array;
  /** Bytes kept of each of stdout and stderr; what is more is read and dropped. Default 16 MiB. */
  limit?: number;
}

/** What became of a process that was run to its end. */
export interface ExecResult {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
  /** Whether something was dropped because of `limit`. */
  truncated: boolean;
}

/** Takes a piece of output; while a returned promise is pending, the process inside is held back. */
export type OnOutput = (chunk: Buffer) => void | Promise<void>;

/** How a process runs whose streams are live. */
export interface StreamOptions extends ExecOptions {
  onStdout: OnOutput;
  /** Not called with `tty`: a terminal has one stream. */
  onStderr?: OnOutput;
  tty?: { cols: number; rows: number };
}

/** A process that runs inside. */
export interface ExecHandle {
  /** Resolves when the bytes were handed to the kernel, so that a writer can wait for a slow reader. */
  write(data: string | Uint8Array): Promise<void>;
  /** End of stdin; nothing can be written afterwards. A terminal has no end of input (send 0x04). */
  end(): void;
  resize(cols: number, rows: number): void;
  /** Sends a signal to the attached process only. */
  signal(signal: number): void;
  /** Ends the process and everything it started, also what left its session; resolves when none of it runs any more. */
  kill(): Promise<void>;
  /** The exit code (128 + n after a signal); rejects when the process could not be started, and with `cancelled` after an abort. */
  readonly result: Promise<number>;
}
