import type { LookNeed } from '../../attention/look.ts';
import type { AgentStateName } from '../../protocol/types.ts';

/**
 * How often (ms) a container that is busy is looked into; and one that no longer is, while a guess says "working". A look takes 5 ms of
 * a processor here, 30 in Incus and 10 inside: 20 busy slots together 2.3 % of one.
 */
const BUSY_EVERY = 40_000;
const CALMING_EVERY = 10_000;
/** An agent that said that it works is doubted when its container has been quiet for this long (ms), and as often. */
const DOUBT_AFTER = 30_000;
/** Whether a question was answered is looked at as often (ms), until its screen stands still and once processes come or go. */
const ANSWER_EVERY = 4000;
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
  /** How many processes there were at first. */
  first?: number | undefined;
  /** Of the last looks, the newest last: what was on the screen. */
  screens?: readonly string[];
}

/** Whether the agent goes on; undefined while that cannot be told, as of a screen that stands still while a new process runs. */
export function goesOn({ screens = [], first, before }: Looked): boolean | undefined {
  const moves = movesOf(screens);
  return moves === false && first !== before?.processes ? undefined : moves;
}

/** Whether the screen changed between each of the last three looks; undefined while it has changed but once. */
export function movesOf(screens: readonly string[]): boolean | undefined {
  const [a, b, c] = screens.slice(-3);
  if (screens.length < 2) return undefined;
  if (screens.at(-1) === screens.at(-2)) return false;
  return c === undefined || a === b ? undefined : true;
}

/**
 * Whether to look inside now: slowly while the container is busy, and in a quiet one at first, when processes came or went, when it
 * has become quiet, and until what was taken for work is over. A container that does nothing is not looked into.
 */
export function isDue(
  known: Looked,
  now: Activity,
  need: LookNeed,
  state: AgentStateName,
): { due: boolean; looked: Looked } {
  const { before, lookedAt } = known;
  const busy = isBusy(before, now);
  const wasBusy = known.busyAt === before?.at;
  // What is looked at often is busy with that alone.
  const turned = need !== 'answer' && wasBusy !== busy;
  const different = before === undefined || before.processes !== now.processes || turned;
  const looked = {
    ...known,
    lookedAt,
    busyAt: busy ? now.at : known.busyAt,
    changed: known.changed === true || different,
    before: now,
    first: before === undefined ? now.processes : known.first,
  };
  const since = now.at - lookedAt;
  if (need === 'answer') {
    const still = movesOf(known.screens ?? []) === false;
    return { due: since >= ANSWER_EVERY && (looked.changed || !still), looked };
  }
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
