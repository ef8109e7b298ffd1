import type { ConfigOrigin, ConfigProblem, ConfigValue } from '../protocol/types.ts';
import type { ConfigKey, ConfigValues } from './values.ts';

/** What configuration is read from. Paths are absolute. */
export interface ConfigSources {
  workspace: string;
  home: string;
  /** The file that COI_CONFIG names in the client's environment; trusted, above the project's own. */
  configFile?: string;
  /** Settings that the user set explicitly, without prefix. */
  settings: Record<string, unknown>;
  /** Profile that the launch names; else the setting `profile`, else `[defaults] profile`. */
  profile?: string;
  /** Values that the launch names, above everything. */
  launch?: Partial<ConfigValues>;
  /** Directory of the machine's own configuration; /etc/coi unless given. */
  systemDir?: string;
  signal?: AbortSignal;
}

export type GatedKind =
  | 'mount'
  | 'socket'
  | 'port'
  | 'port-pool'
  | 'credential'
  | 'host'
  | 'environment'
  | 'forward-env'
  | 'env-command'
  | 'ssh-agent'
  | 'command'
  | 'image';

/** Something that the project's own configuration asks for and that has no effect until the user approves it. */
export interface GatedItem {
  kind: GatedKind;
  /** In words for the user; its text comes from the project. */
  what: string;
  /** Absolute path of the file that asks for it. */
  source: string;
  /** Canonical text, which an approval is pinned to. */
  line: string;
  /** Whether coi knows this kind, so that the approval belongs into its own store. */
  coi: boolean;
}

/** A profile that can be chosen; `path` is absent for a built-in one. */
export interface ProfileInfo {
  name: string;
  path?: string;
  trusted: boolean;
  inherits?: string;
}

/** The configuration of one workspace as one launch or one request sees it. */
export interface EffectiveConfig {
  get<K extends ConfigKey>(key: K): ConfigValues[K];
  /** The value that the configuration has where the launch says another. */
  beneathLaunch<K extends ConfigKey>(key: K): ConfigValues[K];
  origin(key: ConfigKey): ConfigOrigin;
  /** Whether anything but the built-in default gave the value. */
  isSet(key: ConfigKey): boolean;
  /** Everything for `config/show`; values of variables that look secret are replaced. */
  values(): ConfigValue[];
  readonly problems: readonly ConfigProblem[];
  /** Name of the profile in force. */
  readonly profile?: string;
  readonly profiles: readonly ProfileInfo[];
  /** What the project asks for and does not get until `approve`. */
  readonly gated: readonly GatedItem[];
  /** What of that has not been approved. */
  readonly pending: readonly GatedItem[];
  /** What the project asks for under any profile or none: what approvals are given for and looked up with. */
  gatedByAny(): GatedItem[];
  /** The same configuration with these items in force. */
  approve(items: readonly GatedItem[]): EffectiveConfig;
  /** Fails with `config`, naming file, line and column of each error, when there is any. */
  requireValid(): void;
}
