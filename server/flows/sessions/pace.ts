import type { AgentStateName } from '../../protocol/types.ts';

/**
 * How often (ms) a container that is busy is looked into; and one that no longer is, while a guess says "working". A look takes 5 ms of
 * a processor here, 30 in Incus and 10 inside: 20 busy slots together 2.3 % of one.
 */
const BUSY_EVERY = 40_000;
const CALMING_EVERY = 10_000;
/** An agent that said that it works is doubted when its container has been quiet for this long (ms), and as often. */
const DOUBT_AFTER = 30_000;
/** A container that uses more of a processor than this is busy. */
const BUSY_SHARE = 0.01;

/** The kernel's counters of a container at a time (ms, by a clock that nobody sets); without them where they cannot be read. */
export interface Activity {
  at: number;
  cpuMs?: number;
  processes?: number;
}

/** What was known when it was last asked whether a look is due. */
export interface Looked {
  lookedAt: number;
  /** When it was busy last. */
  busyAt: number;
  /** Something has happened since the last look. */
  changed?: boolean;
  before?: Activity;
}

/**
 * Whether to look inside now: slowly while the container is busy, and in a quiet one at first, when processes came or went, when it
 * has become quiet, and until what was taken for work is over. A container that does nothing is not looked into.
 */
export function isDue(
  known: Looked,
  now: Activity,
  need: 'guess' | 'doubt',
  state: AgentStateName,
): { due: boolean; looked: Looked } {
  const { before, lookedAt } = known;
  const busy = isBusy(before, now);
  const wasBusy = known.busyAt === before?.at;
  const different = before === undefined || before.processes !== now.processes || wasBusy !== busy;
  const looked = {
    lookedAt,
    busyAt: busy ? now.at : known.busyAt,
    changed: known.changed === true || different,
    before: now,
  };
  const since = now.at - lookedAt;
  if (need === 'doubt') return { due: now.at - looked.busyAt >= DOUBT_AFTER && since >= DOUBT_AFTER, looked };
  if (busy) return { due: since >= BUSY_EVERY, looked };
  return { due: looked.changed || (state === 'working' && since >= CALMING_EVERY), looked };
}

/** Without counters it counts as busy. */
function isBusy(before: Activity | undefined, now: Activity): boolean {
  if (now.cpuMs === undefined) return true;
  if (before?.cpuMs === undefined) return false;
  return now.cpuMs - before.cpuMs > BUSY_SHARE * (now.at - before.at);
}
