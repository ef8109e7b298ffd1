import type {
  AgentTable,
  CredentialEntry,
  MountEntry,
  PortEntry,
  PromptEntry,
  SocketEntry,
  StaticHost,
} from './entries.ts';

/**
 * Every configuration key with the type of its effective value, by the dotted name that it has in TOML.
 * An empty string means "not set", and so does 0 for a number that a limit can have. Paths are absolute.
 */
export interface ConfigValues {
  /** Slots that one workspace may have, 1 to 50; only a setting of the editor. */
  maxSlots: number;

  'container.image': string;
  'container.persistent': boolean;
  /** Seconds from a graceful stop until force. */
  'container.shutdown_timeout': number;
  /** Seconds that a started container has until it must answer. */
  'container.ready_timeout': number;
  'container.storage_pool': string;
  'container.alias': string;
  'container.stale_base_check': 'error' | 'warn' | 'off';
  'container.session_name': string;
  'container.docker': boolean;
  'container.build.base': string;
  'container.build.script': string;
  'container.build.commands': string[];
  'container.build.compression': string;
  'container.build.agents': string[];
  'container.build.cloud_init': boolean;

  'defaults.profile': string;
  'defaults.forward_env': string[];
  'defaults.environment': Record<string, string>;
  /** Variable ← output of a host command, run by `/bin/sh -c` as coi does. */
  'defaults.env_commands': Record<string, string>;
  /** A Go duration such as "30s". */
  'defaults.env_command_timeout': string;

  'paths.sessions_dir': string;
  'paths.storage_dir': string;
  'paths.logs_dir': string;
  'paths.preserve_workspace_path': boolean;

  'incus.project': string;
  'incus.socket': string;
  'incus.group': string;
  'incus.code_uid': number;
  'incus.code_user': string;
  'incus.disable_shift': boolean;

  'network.mode': 'restricted' | 'allowlist' | 'open';
  'network.block_private_networks': boolean;
  'network.block_metadata_endpoint': boolean;
  /** Hosts, `*.` wildcards, IPs and CIDRs, each with optional `:ports`. */
  'network.allowed_domains': string[];
  /** Package registries, added to `allowed_domains` by the hosts that the user's own clients are configured with. */
  'network.presets': ('npm' | 'pip' | 'apt')[];
  'network.refresh_interval_minutes': number;
  'network.allow_local_network_access': boolean;
  'network.use_sudo': boolean;
  'network.dns_servers': string[];
  'network.allowed_ports': number[];
  'network.hosts': StaticHost[];
  'network.logging.enabled': boolean;
  'network.logging.path': string;

  'tool.name': string;
  'tool.binary': string;
  'tool.permission_mode': 'bypass' | 'interactive';
  'tool.auto_context': boolean;
  'tool.context_file': string;
  'tool.context_json': boolean;
  'tool.context_json_file': string;
  'tool.pre_launch': string[];
  'tool.claude.effort_level': string;
  'tool.claude.model': string;
  'tool.codex.model': string;
  'tool.codex.reasoning_effort': string;
  'tool.opencode.model': string;
  'tool.gemini.model': string;

  'shell.use_tmux': boolean;
  'ssh.forward_agent': boolean;
  'timezone.mode': 'host' | 'fixed' | 'utc';
  'timezone.name': string;

  mounts: MountEntry[];
  sockets: SocketEntry[];
  credentials: CredentialEntry[];
  'ports.pool': number;
  'ports.map': PortEntry[];

  'git.writable_hooks': boolean;
  'git.name': string;
  'git.email': string;
  'git.seed_host_identity': boolean;
  'git.readonly': boolean;
  'git.strip_attribution': boolean;
  'git.strip_attribution_patterns': string[];
  'git.protected_branches': string[];

  /** The level of protection that the user chose by name. */
  'security.protection': 'locked' | 'weak' | 'off';
  'security.protected_paths': string[];
  'security.additional_protected_paths': string[];
  'security.writable_paths': string[];
  'security.disable_protection': boolean;
  'security.host_immutable': boolean;
  'security.secret_paths': string[];
  'security.reduce_kernel_surface': boolean;
  'security.reduce_kernel_surface_strict': boolean;

  'limits.cpu.count': string;
  'limits.cpu.allowance': string;
  'limits.cpu.priority': number;
  'limits.memory.limit': string;
  'limits.memory.enforce': 'hard' | 'soft';
  'limits.memory.swap': string;
  'limits.disk.read': string;
  'limits.disk.write': string;
  'limits.disk.max': string;
  'limits.disk.priority': number;
  'limits.disk.size': string;
  'limits.disk.tmpfs_size': string;
  'limits.runtime.max_duration': string;
  'limits.runtime.max_processes': number;
  'limits.runtime.auto_stop': boolean;
  'limits.runtime.stop_graceful': boolean;

  'monitoring.enabled': boolean;
  'monitoring.auto_pause_on_high': boolean;
  'monitoring.auto_kill_on_critical': boolean;
  'monitoring.poll_interval_sec': number;
  'monitoring.file_read_threshold_mb': number;
  'monitoring.file_read_rate_mb_per_sec': number;
  'monitoring.process_count_threshold': number;
  'monitoring.process_spawn_rate_threshold': number;
  'monitoring.audit_log_retention_days': number;
  'monitoring.forensics_on_kill': boolean;
  'monitoring.reverse_shell_one_liners': 'critical' | 'warn' | 'off';
  'monitoring.nft.enabled': boolean;
  'monitoring.nft.rate_limit_per_second': number;
  'monitoring.nft.dns_query_threshold': number;
  'monitoring.nft.log_dns_queries': boolean;
  'monitoring.nft.lima_host': string;
  'detection.gtfobins_source': string;
  'detection.gtfobins_dir': string;
  'detection.sigma_source': string;
  'detection.sigma_dir': string;

  prompts: Record<string, PromptEntry>;
  /** Agents that configuration declares or changes, by name. */
  agents: Record<string, AgentTable>;
  /** Markdown of the profile that is added to the agent's context. */
  context: string;
}

/** A dotted key of the configuration. */
export type ConfigKey = keyof ConfigValues;
