import { messageOf } from '../base/errors.ts';
import { parseEvent } from './event-parse.ts';
import type { Http } from './http.ts';
import { webSocket } from './socket.ts';
import type { EventHandler } from './types/event.ts';

/** Incus pings every 10 s: two missed ones and a bit. */
const DEFAULT_SILENCE = 30_000;

/**
 * One connection to the event stream; it ends with exactly one `onClose`, also when it never opened. `close` ends it silently.
 */
export function openEvents(
  http: Http,
  types: readonly string[],
  handler: EventHandler,
  silence = DEFAULT_SILENCE,
): { close(): void } {
  const socket = webSocket(http.target, http.path(`/1.0/events?type=${types.join(',')}`));
  let done = false;
  const finish = (reason?: string) => {
    if (done) return;
    done = true;
    clearTimeout(watchdog);
    socket.terminate();
    if (reason !== undefined) handler.onClose(reason);
  };
  const watchdog = setTimeout(() => finish(`no sign of life for ${silence} ms`), silence);
  socket.on('open', () => {
    watchdog.refresh();
    socket.resume();
    if (!done) handler.onOpen();
  });
  socket.on('ping', () => watchdog.refresh());
  socket.on('message', data => {
    watchdog.refresh();
    const event = parseEvent(data.toString());
    if (event !== undefined && !done) handler.onEvent(event);
  });
  socket.on('error', error => finish(messageOf(error)));
  socket.on('close', code => finish(`closed (${code})`));
  return { close: () => finish() };
}
