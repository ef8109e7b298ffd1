import { askDestinations, askHosts, askPresets, askSshAgent } from './asks.ts';
import { flag, integer, list, oneOf, positive, table } from './check.ts';
import { destination, hostname, hostPath, ipv4, line } from './forms.ts';
import { readPath } from './paths.ts';
import { type KeySpec, key, never, only, upTo } from './spec.ts';

const WEAKER = 'a project must not open the network further';
const OWN = 'what a slot may reach is for you to say';
const NETS = 'monitoring is for you to configure';

/** What a slot may reach, and how it is watched. */
export const NETWORK_KEYS: KeySpec[] = [
  key('network.mode', oneOf('restricted', 'allowlist', 'open', ''), 'restricted', 'What a slot may reach.', {
    project: upTo(['open', 'restricted', 'allowlist'], WEAKER),
  }),
  key('network.block_private_networks', flag(), true, 'Block private ranges.', { project: only(true, WEAKER) }),
  key('network.block_metadata_endpoint', flag(), true, 'Block link-local and metadata.', {
    project: only(true, WEAKER),
  }),
  key(
    'network.allowed_domains',
    list(destination()),
    ['api.anthropic.com', 'platform.claude.com'],
    'What allow-list mode lets through.',
    { project: askDestinations },
  ),
  key(
    'network.presets',
    list(oneOf('npm', 'pip', 'apt')),
    [],
    'Package registries that allow-list mode lets through: their hosts are those that your own npm, pip or apt is configured with.',
    {
      join: 'union',
      project: askPresets,
    },
  ),
  key('network.refresh_interval_minutes', integer(0, 10080), 30, 'Longest time between look-ups of allowed names.', {
    unused: 'not needed here: allowed names are looked up for every connection',
  }),
  key('network.allow_local_network_access', flag(), false, 'Permit the local network.', {
    project: only(false, WEAKER),
  }),
  key('network.use_sudo', flag(), true, 'Whether coi may call sudo.', { project: never(OWN), unused: true }),
  key('network.dns_servers', list(ipv4()), [], 'The only resolvers.', { project: never(OWN) }),
  key('network.allowed_ports', list(integer(1, 65535)), [], 'The only ports outwards.', { project: never(OWN) }),
  key(
    'network.hosts',
    list(table({ ip: ipv4(), hostnames: list(hostname()), ports: list(integer(1, 65535)) }, ['ip', 'hostnames'])),
    [],
    'Fixed addresses of names.',
    { project: askHosts, read: readHosts },
  ),
  key('network.logging.enabled', flag(), true, 'Log what is blocked.', {
    project: only(true, WEAKER),
    unused: true,
  }),
  key('network.logging.path', hostPath(), '', 'Log of what is blocked.', {
    read: readPath,
    project: never('it says where files are written on the host'),
    unused: true,
  }),
  key('ssh.forward_agent', flag(), false, 'Forward the SSH agent.', { project: askSshAgent }),

  ...(
    [
      ['monitoring.enabled', flag(), false, 'Watch for threats.'],
      ['monitoring.auto_pause_on_high', flag(), true, 'Pause on a high threat.'],
      ['monitoring.auto_kill_on_critical', flag(), true, 'Kill on a critical threat.'],
      ['monitoring.poll_interval_sec', integer(0, 3600), 2, 'Seconds between looks.'],
      ['monitoring.file_read_threshold_mb', positive(), 50, 'Reading that raises an alert.'],
      ['monitoring.file_read_rate_mb_per_sec', positive(), 10, 'Rate that raises an alert.'],
      ['monitoring.process_count_threshold', integer(0), 0, 'Processes that raise an alert.'],
      ['monitoring.process_spawn_rate_threshold', integer(0), 0, 'New processes that raise an alert.'],
      ['monitoring.audit_log_retention_days', integer(0), 30, 'Days that audit logs are kept.'],
      ['monitoring.forensics_on_kill', flag(), false, 'Keep a copy of what was killed.'],
      ['monitoring.reverse_shell_one_liners', oneOf('critical', 'warn', 'off'), 'critical', 'Weight of one-liners.'],
      ['monitoring.nft.enabled', flag(), false, 'Watch the network.'],
      ['monitoring.nft.rate_limit_per_second', integer(0), 100, 'Logged packets per second.'],
      ['monitoring.nft.dns_query_threshold', integer(0), 100, 'Queries per minute that raise an alert.'],
      ['monitoring.nft.log_dns_queries', flag(), true, 'Log queries.'],
      ['monitoring.nft.lima_host', line('a host name'), '', 'Lima host.'],
      ['detection.gtfobins_source', line('a URL'), '', 'Source of GTFOBins.'],
      ['detection.gtfobins_dir', hostPath(), '', 'Folder of GTFOBins.'],
      ['detection.sigma_source', line('a URL'), '', 'Source of Sigma rules.'],
      ['detection.sigma_dir', hostPath(), '', 'Folder of Sigma rules.'],
    ] as const
  ).map(([name, check, value, about]) => key(name, check, value, about, { project: never(NETS), unused: true })),
];

function readHosts(raw: unknown): unknown {
  if (!Array.isArray(raw)) return [];
  return raw.map((entry: { ip: string; hostnames: string[]; ports?: number[] }) => ({
    ip: entry.ip,
    hostnames: entry.hostnames,
    ports: entry.ports ?? [],
  }));
}
