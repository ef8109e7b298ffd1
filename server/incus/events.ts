import type { Log } from '../base/log.ts';
import { openEvents } from './event-socket.ts';
import type { Http } from './http.ts';
import { progressOf } from './progress.ts';
import type { EventHandler, EventsOptions, IncusEvent } from './types/event.ts';

const FIRST_DELAY = 250;
const LONGEST_DELAY = 5000;

/**
 * The events of the project, connected again after each loss: after 0.25 to 5 s, scattered by ±20 % so that several backends do not
 * come at once. Events missed in between are not sent again: `onOpen` means "list everything".
 */
export function subscribe(http: Http, log: Log, handler: EventHandler, o: EventsOptions = {}): { close(): void } {
  const types = o.types ?? ['lifecycle', 'operation'];
  let delay = FIRST_DELAY;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const connect = () =>
    openEvents(
      http,
      types,
      {
        onOpen() {
          delay = FIRST_DELAY;
          handler.onOpen();
        },
        onEvent(event) {
          if (!isNoise(event)) handler.onEvent(event);
        },
        onClose(reason) {
          http.info = undefined;
          handler.onClose(reason);
          if (closed) return;
          log.debug(`Events of Incus: ${reason}; again in ${delay} ms`);
          timer = setTimeout(() => {
            socket = connect();
          }, delay * scatter());
          delay = Math.min(delay * 2, LONGEST_DELAY);
        },
      },
      o.silence,
    );
  let socket = connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}

function scatter(): number {
  return 0.8 + Math.random() * 0.4;
}

/** One message per percent of an unpacking tells nobody who watches states anything. */
function isNoise(event: IncusEvent): boolean {
  return event.type === 'operation' && !event.operation.finished && progressOf(event.operation) !== undefined;
}
