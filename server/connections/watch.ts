import { type FSWatcher, type Stats, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/** What can happen to the place of the path socket. */
export interface PlaceEvents {
  /** The directory has gone or is another one: the user has logged out. */
  onGone(): void;
  /** Only the socket was removed: nobody could find this backend any more. */
  onSocketLost(): void;
}

/** Watches the directory of the path socket, without polling. Gives the function that ends it. */
export function watchPlace(socket: string, events: PlaceEvents): () => void {
  const directory = dirname(socket);
  const before = statOf(directory);
  const look = () => {
    const now = statOf(directory);
    if (now === undefined || now.ino !== before?.ino || now.dev !== before.dev) events.onGone();
    else if (statOf(socket) === undefined) events.onSocketLost();
  };
  const watcher: FSWatcher = watch(directory, { persistent: false }, look);
  watcher.on('error', look);
  look();
  return () => watcher.close();
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
