/** Key of an instance: until when it may run, and what then happens. */
export const DEADLINE_KEY = 'user.incus-agents.deadline';

export interface Deadline {
  /** Milliseconds since the epoch. */
  at: number;
  /** Seconds for a graceful stop, 0 for one by force; undefined only tells that the time is over. */
  stop: number | undefined;
}

/** The value of `DEADLINE_KEY`. */
export function writeDeadline({ at, stop }: Deadline): string {
  return `${new Date(at).toISOString()} ${stop === undefined ? 'tell' : `stop ${stop}`}`;
}

/** Reads it; undefined for none, and for what another program wrote there. */
export function readDeadline(text: string | undefined): Deadline | undefined {
  const [, time = '', how, seconds] = /^(\S+) (tell|stop (\d{1,5}))$/.exec(text ?? '') ?? [];
  const at = Date.parse(time);
  if (Number.isNaN(at)) return undefined;
  return { at, stop: how === 'tell' ? undefined : Number(seconds) };
}
