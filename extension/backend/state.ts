/** How the extension stands to its backend, for the UI. */
export type BackendState =
  | { name: 'idle' }
  | { name: 'connecting' }
  | { name: 'connected'; version: string; pid: number }
  /** The next attempt comes by itself after `delay` milliseconds. */
  | { name: 'waiting'; delay: number; reason: string }
  /** Nothing happens until the user acts. */
  | { name: 'failed'; reason: string; hint?: string; action: FailedAction };

/** What the user can do about a failure: restart the backend, reload the window, or nothing here. */
export type FailedAction = 'restart' | 'reload' | 'none';

/** The state with what decides about the next one; times in milliseconds. */
export interface Machine {
  state: BackendState;
  /** Attempts since the connection was last good for a while. */
  attempts: number;
  /** When the backend was lost or could not be had. */
  losses: readonly number[];
  connectedAt?: number;
}

/** What can happen. `at` and `random` (0 to 1) come from outside, so that the machine is a pure function. */
export type Happening =
  | { kind: 'start' }
  | { kind: 'connected'; at: number; version: string; pid: number }
  | { kind: 'lost'; at: number; random: number; reason: string; hint?: string }
  /** Another attempt would come out the same. */
  | { kind: 'refused'; reason: string; hint?: string; action: FailedAction }
  | { kind: 'elapsed' }
  | { kind: 'restart' };

export const INITIAL: Machine = { state: { name: 'idle' }, attempts: 0, losses: [] };

const BACKOFF = [250, 500, 1000, 2000, 5000];
const JITTER = 0.2;
const HEALTHY = 60_000;
const MAX_LOSSES = 5;
const LOSSES_WITHIN = 3 * 60_000;

/** The next state. What does not fit the present one changes nothing. */
export function step(machine: Machine, happening: Happening): Machine {
  const { name } = machine.state;
  switch (happening.kind) {
    case 'start':
      return name === 'idle' ? { ...machine, state: { name: 'connecting' } } : machine;
    case 'restart':
      return { ...INITIAL, state: { name: 'connecting' } };
    case 'elapsed':
      return name === 'waiting' ? { ...machine, state: { name: 'connecting' } } : machine;
    case 'connected': {
      const { at, version, pid } = happening;
      return name === 'connecting'
        ? { ...machine, state: { name: 'connected', version, pid }, connectedAt: at }
        : machine;
    }
    case 'refused': {
      const { reason, hint, action } = happening;
      return { ...machine, state: { name: 'failed', reason, action, ...(hint === undefined ? {} : { hint }) } };
    }
    case 'lost':
      return name === 'connecting' || name === 'connected' ? lose(machine, happening) : machine;
  }
}

function lose(machine: Machine, { at, random, reason, hint }: Extract<Happening, { kind: 'lost' }>): Machine {
  const losses = [...machine.losses.filter(then => at - then < LOSSES_WITHIN), at];
  if (losses.length >= MAX_LOSSES)
    return {
      attempts: 0,
      losses,
      state: { name: 'failed', reason, action: 'restart', ...(hint === undefined ? {} : { hint }) },
    };
  const healthy = machine.state.name === 'connected' && at - (machine.connectedAt ?? at) >= HEALTHY;
  const attempts = healthy ? 0 : machine.attempts;
  const delay = BACKOFF[Math.min(attempts, BACKOFF.length - 1)] ?? 0;
  const jittered = Math.round(delay * (1 - JITTER + 2 * JITTER * random));
  return { attempts: attempts + 1, losses, state: { name: 'waiting', delay: jittered, reason } };
}
