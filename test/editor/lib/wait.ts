import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that a window's first sight of Incus may take: extension host, backend and a first list, on a busy machine. */
export const FIRST = 90_000;

/** What `until` gives back: the answer without the values that mean "not yet". */
export type Found<T> = Exclude<T, undefined | null | false | '' | 0>;

/**
 * Asks again until the answer is truthy and returns it. A question that throws is asked again too.
 * @param timeout milliseconds; then it throws with the last answer or error
 */
export async function until<T>(what: string, ask: () => T | Promise<T>, timeout = 45_000): Promise<Found<T>> {
  const end = Date.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer as Found<T>;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${timeout} ms. Last: ${String(last)}`);
    await sleep(100);
  }
}
