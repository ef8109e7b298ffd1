import { Failure } from '../../base/errors.ts';
import type { InstanceFragment } from '../../incus/types/config.ts';
import type { Instance } from '../../incus/types/instance.ts';

/** How a container is made, whatever is in it. */
export interface ContainerOptions {
  /** Nested containers work (Docker, Podman). */
  docker: boolean;
  /** System calls that are denied; with any, there is no Docker, which needs them. */
  deny: 'none' | 'risky' | 'strict';
  /** The host has id ranges enough for one of its own per container. */
  isolatedIds: boolean;
  /** The Incus project permits low-level options, such as how many ids those are. */
  lowLevel: boolean;
  /** Where tmux puts its socket, so that cleaning /tmp at boot does not cut it off. */
  tmuxDirectory: string;
}

/**
 * The configuration that every slot's container has. Always unprivileged. What does not apply has the empty value, so that a
 * container which is used again keeps nothing of what it was allowed before.
 */
export function containerFragment(o: ContainerOptions): InstanceFragment {
  return {
    config: {
      // Without this every user.* key and the host paths of devices could be read inside.
      'security.guestapi': 'false',
      'security.privileged': 'false',
      // A container that came up by itself after a reboot would have no agent in it.
      'boot.autostart': 'false',
      'environment.TMUX_TMPDIR': o.tmuxDirectory,
      'security.idmap.isolated': o.isolatedIds ? 'true' : '',
      // Enough for the users of rootless containers inside too.
      'security.idmap.size': o.isolatedIds && o.lowLevel ? '200000' : '',
      ...given(DOCKER, o.docker && o.deny === 'none'),
      'security.syscalls.deny': denied(o.deny),
    },
  };
}

function given(keys: Readonly<Record<string, string>>, on: boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, on ? value : '']));
}

/**
 * Refuses a container that somebody made privileged: in it, root is root on the host, and what it once wrote cannot be trusted any
 * more. Fails with `isolation`.
 */
export function refusePrivileged({ name, expandedConfig }: Pick<Instance, 'name' | 'expandedConfig'>): void {
  if (expandedConfig['security.privileged'] !== 'true') return;
  throw new Failure('isolation', `The container ${name} is privileged: root inside would be root on this machine.`, {
    hint: `Delete the slot, or take it back with: incus config set ${name} security.privileged=false`,
  });
}

/** coi's list: parts of the kernel with many holes in the past, which an agent's work does not need. */
const RISKY = [
  ...['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'bpf', 'userfaultfd'],
  ...['keyctl', 'add_key', 'request_key'],
];

function denied(how: ContainerOptions['deny']): string {
  if (how === 'none') return '';
  const calls = [...RISKY, ...(how === 'strict' ? ['perf_event_open'] : [])];
  // "Not there" (ENOSYS), which programs are made for. Without an action the caller is killed, also systemd, which asks for bpf.
  return calls.map(call => `${call} errno 38`).join('\n');
}

/** What coi gives a container in which Docker is to run. */
const DOCKER: Readonly<Record<string, string>> = {
  'security.nesting': 'true',
  'security.syscalls.intercept.mknod': 'true',
  'security.syscalls.intercept.setxattr': 'true',
  'linux.sysctl.net.ipv4.ip_unprivileged_port_start': '0',
};
