import { Failure } from '../base/errors.ts';
import type { Incus } from '../incus/client.ts';
import { DEFAULT_AGENTS } from './agents.ts';

/** Milliseconds that a base image may take to boot. */
const BOOT_LIMIT = 90_000;

/** What a base image has. */
export interface Probe {
  /** A slot could be opened from it as it is: it has the user code, tmux, git and sudo. */
  prepared: boolean;
  apt: boolean;
  /** Agents whose command is there. */
  agents: string[];
}

/**
 * Waits until systemd has booted (it mounts /run on the way, where the build lies). Says "none" where none shows up within 10 s: a
 * name of process 1 says nothing, since it is Incus's own until the program of the image takes its place.
 */
const BOOTED = `i=0
while :; do
  case $(systemctl is-system-running 2>/dev/null) in running|degraded|maintenance) exit 0 ;; esac
  i=$((i + 1))
  [ $i -lt 50 ] || [ -d /run/systemd/system ] || { echo none; exit 0; }
  sleep 0.2
done`;

const PROBE = `for c in bash apt-get tmux git sudo "$@"; do command -v "$c" >/dev/null 2>&1 && echo "$c"; done
id -u code >/dev/null 2>&1 && echo user:code
exit 0`;

/** Waits for the boot of a build container and looks at what it has. */
export async function probe(incus: Incus, container: string, base: string, signal: AbortSignal): Promise<Probe> {
  await booted(incus, container, base, signal);
  const result = await incus.exec(container, ['sh', '-c', PROBE, 'sh', ...DEFAULT_AGENTS], { signal });
  const found = new Set(result.stdout.toString('utf8').split('\n'));
  if (!found.has('bash')) {
    throw new Failure('config', `The base image ${base} has no bash, which the build needs.`, {
      hint: 'Choose a base image of Debian or Ubuntu.',
    });
  }
  return {
    prepared: ['tmux', 'git', 'sudo', 'user:code'].every(name => found.has(name)),
    apt: found.has('apt-get'),
    agents: DEFAULT_AGENTS.filter(name => found.has(name)),
  };
}

async function booted(incus: Incus, container: string, base: string, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(BOOT_LIMIT);
  try {
    const both = AbortSignal.any([signal, limit]);
    const result = await incus.exec(container, ['sh', '-c', BOOTED], { signal: both });
    if (!result.stdout.includes('none')) return;
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    throw new Failure('timeout', `The base image ${base} did not boot within ${BOOT_LIMIT / 1000} s.`, {
      hint: `See what it says with: incus launch ${base} try; incus console try --show-log`,
    });
  }
  throw new Failure('config', `The base image ${base} does not run systemd.`, {
    hint: 'Choose a base image for system containers, of Debian or Ubuntu.',
  });
}
