/** `[[mounts]]`: a host directory that is seen inside. `shift` undefined leaves the choice to the workspace room. */
export interface MountEntry {
  host: string;
  container: string;
  readonly: boolean;
  shift?: boolean;
}

/** `[[sockets]]`: a host unix socket that is seen inside, and the variable that names it there. */
export interface SocketEntry {
  host: string;
  container: string;
  env: string;
}

/** `[[credentials]]`: a bundle of the catalogue by name, or one host file with its place inside and its octal mode. */
export interface CredentialEntry {
  bundle: string;
  host: string;
  container: string;
  mode: string;
}

/** `[[ports.map]]`: a port inside and where it is seen on the host; host 0 means chosen per slot. */
export interface PortEntry {
  name: string;
  container: number;
  host: number;
  listen: string;
}

/** `[[network.hosts]]`: a fixed address for names. No ports means those of `allowed_ports`, or all. */
export interface StaticHost {
  ip: string;
  hostnames: string[];
  ports: number[];
}

/** `[prompts]`: a text, or the file on the host that has it. */
export type PromptEntry = { text: string } | { file: string };

/**
 * Where an agent's login comes from: the editor's secret of a name (given to the agent as `variable`), named host
 * variables, one login directory that all slots of the agent share, or nothing.
 */
export interface AgentCredentials {
  source: 'secret' | 'environment' | 'shared' | 'none';
  /** Name of the editor's secret, for `secret`. */
  secret: string;
  /** Variable inside that gets the secret, for `secret`. */
  variable: string;
  /** Host variables to ask the client for, for `environment`. */
  names: string[];
  /** Host directory, for `shared`; empty means the default one of the agent. */
  directory: string;
}

/** `[agents.NAME]`: an agent that configuration declares, or what it changes of a known one. Only from trusted files. */
export interface AgentTable {
  command: string[];
  resume_command: string[];
  /** Directory of the agent's conversation, relative to the home inside. */
  state_dir: string;
  environment: Record<string, string>;
  credentials?: AgentCredentials;
}
