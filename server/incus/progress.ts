import type { Log } from '../base/log.ts';
import { openEvents } from './event-socket.ts';
import type { Http } from './http.ts';
import { text } from './parse.ts';
import type { OnProgress, Operation } from './types/operation.ts';

/** The texts of Incus, e.g. `create_instance_from_image_unpack_progress: "Unpacking image: 45% (…)"`, `download_progress: "rootfs: 12% (3MB/s)"`. */
export function progressOf(operation: Operation): { text: string; percent?: number } | undefined {
  const [key, value] = Object.entries(operation.metadata).find(([name]) => name.endsWith('_progress')) ?? [];
  if (key === undefined || text(value) === '') return undefined;
  const said = text(value);
  const percent = /(\d{1,3})%/.exec(said)?.[1];
  return percent === undefined ? { text: said } : { text: said, percent: Math.min(100, Number(percent)) };
}

/**
 * Reports the progress of one operation from the events, without asking again and again. To be started before the request: the
 * events of an operation can come before the reply that names it, so the newest of each is kept until then.
 */
export function followProgress(
  http: Http,
  log: Log,
  onProgress: OnProgress,
): { follow(path: string): void; close(): void } {
  const early = new Map<string, Operation>();
  let wanted: string | undefined;
  let last = '';
  const report = (operation: Operation) => {
    const progress = progressOf(operation);
    if (progress === undefined || progress.text === last) return;
    last = progress.text;
    onProgress(progress.text, progress.percent);
  };
  const take = (operation: Operation) => {
    if (wanted === undefined) early.set(operation.id, operation);
    else if (operation.id === wanted) report(operation);
  };
  const socket = openEvents(http, ['operation'], {
    onOpen() {},
    onEvent: event => {
      if (event.type === 'operation') take(event.operation);
    },
    onClose: reason => log.debug(`No progress reports: ${reason}`),
  });
  return {
    follow(path) {
      wanted = path.split('/').at(-1) ?? '';
      const known = early.get(wanted);
      early.clear();
      if (known !== undefined) report(known);
    },
    close: () => socket.close(),
  };
}
