import type { CgroupView } from './cgroup.ts';

/** What a row says when a slot has run into a limit. */
export interface Trouble {
  kind: 'memory' | 'processes' | 'disk' | 'tmp' | 'isolation';
  /** What happened and how to get out. */
  message: string;
}

/** What is known of a slot when it is looked at. */
export interface Evidence {
  /** Limits and events of the kernel, now and when the slot was first seen. */
  now?: CgroupView;
  before?: CgroupView;
  /** Whether nothing could be run in it. */
  stuck?: boolean;
  /** Places in which nothing can be written any more. */
  full?: readonly ('disk' | 'tmp')[];
  /** Limit of the root disk, as it is configured. */
  diskLimit?: string;
}

/** Share of a limit from which on it counts as used up. */
const CROWDED = 0.95;

/** The most pressing trouble that the evidence shows; undefined for none. */
export function troubleOf(evidence: Evidence): Trouble | undefined {
  return diskTrouble(evidence) ?? processTrouble(evidence) ?? tmpTrouble(evidence) ?? memoryTrouble(evidence);
}

/** The trouble that a running container is by itself when its configuration makes it privileged; undefined when it does not. */
export function privilegedTrouble(config: Readonly<Record<string, string>>): Trouble | undefined {
  if (config['security.privileged'] !== 'true') return undefined;
  return {
    kind: 'isolation',
    message:
      'This container is privileged: root in it is root on this machine. Nothing is held. Stop it, and take it back with `incus config set`.',
  };
}

function diskTrouble({ full, diskLimit }: Evidence): Trouble | undefined {
  if (full?.includes('disk') !== true) return undefined;
  if (diskLimit === undefined) {
    return {
      kind: 'disk',
      message:
        'Nothing can be written in this slot: its storage pool is full. Delete slots, images or files that are not needed, or make the pool larger.',
    };
  }
  return {
    kind: 'disk',
    message:
      `The disk of this slot is full (${diskLimit} with its image), so programs in it hang or fail, and it cannot be started again. ` +
      'Raise limits.disk.size, which works at once, then delete what is not needed.',
  };
}

/** Told apart from the others, as nothing more can be asked inside then. */
export function processTrouble({ now, before, stuck = false }: Evidence): Trouble | undefined {
  const most = now?.processes;
  if (now === undefined || most === undefined) return undefined;
  if (now.refusedProcesses <= (before?.refusedProcesses ?? 0)) return undefined;
  // Where processes come and go all the time, fewer may be counted than there are places.
  if (!stuck && now.processesNow < most * CROWDED) return undefined;
  return {
    kind: 'processes',
    message:
      `New processes are refused: all ${most} that this slot may have are there, so nothing can be run in it. ` +
      'Raise limits.processes, which works at once, and end what is too much; or stop the slot.',
  };
}

function memoryTrouble({ now, before }: Evidence): Trouble | undefined {
  const kills = (now?.oomKills ?? 0) - (before?.oomKills ?? 0);
  if (kills <= 0) return undefined;
  const limit = now?.memoryBytes;
  const which = limit === undefined ? 'the memory of the machine was used up' : `it may use ${mebibytes(limit)}`;
  const hint = limit === undefined ? 'Give slots a limit' : 'Raise limits.memory, which works at once';
  return {
    kind: 'memory',
    message: `The kernel ended ${kills === 1 ? 'a process' : `${kills} processes`} here for lack of memory: ${which}. ${hint}, or let the agent do less at a time.`,
  };
}

function tmpTrouble({ full }: Evidence): Trouble | undefined {
  if (full?.includes('tmp') !== true) return undefined;
  return {
    kind: 'tmp',
    message:
      '/tmp in this slot is full, so programs in it hang or fail. Delete what is in it, or raise limits.disk.tmpfs_size and start the slot anew.',
  };
}

function mebibytes(bytes: number): string {
  return bytes >= 2 ** 30 ? `${round(bytes / 2 ** 30)} GiB` : `${round(bytes / 2 ** 20)} MiB`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
