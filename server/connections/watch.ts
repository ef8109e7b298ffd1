import { type FSWatcher, type Stats, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/** What can happen to the place of the path socket. */
export interface PlaceEvents {
  /** The directory has gone or is another one: the user has logged out. */
  onGone(): void;
  /** Only the socket was removed: nobody could find this backend any more. */
  onSocketLost(): void;
}

/** A directory that is being removed loses its files first: only what is still missing after this long was removed alone. */
const SETTLE = 250;

/** Watches the directory of the path socket, without polling. Gives the function that ends it. */
export function watchPlace(socket: string, events: PlaceEvents): () => void {
  const directory = dirname(socket);
  const before = statOf(directory);
  let timer: NodeJS.Timeout | undefined;
  const isGone = () => {
    const now = statOf(directory);
    return now === undefined || now.ino !== before?.ino || now.dev !== before.dev;
  };
  const lookAgain = () => {
    timer = undefined;
    if (isGone()) events.onGone();
    else if (statOf(socket) === undefined) events.onSocketLost();
  };
  const look = () => {
    if (isGone()) events.onGone();
    else if (statOf(socket) === undefined) timer ??= setTimeout(lookAgain, SETTLE);
  };
  const watcher: FSWatcher = watch(directory, { persistent: false }, look);
  watcher.on('error', look);
  look();
  return () => {
    watcher.close();
    clearTimeout(timer);
  };
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
