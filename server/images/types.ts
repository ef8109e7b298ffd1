import type { Log } from '../base/log.ts';
import type { Serial } from '../base/serial.ts';
import type { Incus } from '../incus/client.ts';
import type { Progress } from '../protocol/types.ts';
import type { HostSettings } from './settings-files.ts';

/** The shell scripts of media/image by file name, read at start because the extension's folder may go away. */
export type BuildScripts = ReadonlyMap<string, string>;

/** What every build works with. */
export interface BuildDeps {
  incus: Incus;
  log: Log;
  scripts: BuildScripts;
  /** Home of the backend's user: ~/.coi for logs and image-meta.json, and the user's own Incus configuration. */
  home: string;
  /** Noted on the build container, so that only builds of a dead backend are cleaned up. */
  backendKey: string;
  /** Ids of the builds that this backend is at, which are nothing that was left behind. */
  underWay: Set<string>;
  /** What is noted of builds is written one after the other. */
  serial: Serial;
}

export const COMPRESSIONS = ['none', 'gzip', 'zstd', 'xz', 'lz4', 'bzip2'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** What an image is made from. */
export interface Recipe {
  alias: string;
  /**
   * "remote:alias" of a remote that the user's Incus client knows or of a well-known one, "https://server:alias", or the alias or
   * fingerprint of an image that is there. Default: the host's own distribution if it is Ubuntu, else Debian.
   */
  base?: string;
  /** Absolute path of a bash script on the host that root runs inside after the standard phases. */
  script?: string;
  /** Shell commands that root runs after the script. */
  commands?: readonly string[];
  /** Agents by name; ["none"] is none. Undefined or empty: the default ones, and none on a base that is already prepared. */
  agents?: readonly string[];
  /** One of COMPRESSIONS. Default: zstd where the host has it, else the server's choice. */
  compression?: string;
  /** Leaves cloud-init of the base on; default false. */
  cloudInit?: boolean;
  /** Installs Docker and Podman; default true. A base that is already prepared stays as it is. */
  docker?: boolean;
  /** Storage pool of the build container; default: the one of the default profile. */
  pool?: string;
}

export interface BuildRequest extends Recipe {
  host: HostSettings;
  signal: AbortSignal;
  onProgress(progress: Progress): void;
}

export interface BuildResult {
  alias: string;
  fingerprint: string;
}
