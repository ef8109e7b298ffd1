import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** Changes within this time are told at once. Milliseconds. */
const COALESCE = 200;

/**
 * Tells when sessions come or go: the directories that hold them are watched (inotify), nothing is polled. `changed` may be
 * called although nothing is different. Gives what ends it.
 */
export function watchSessions(root: string, log: Log, changed: () => void): () => void {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void look();
      changed();
    }, COALESCE);
    timer.unref();
  };
  const add = (path: string) => {
    if (ended || watchers.has(path)) return;
    try {
      const watcher = watch(path, { persistent: false }, soon);
      watcher.on('error', () => drop(path));
      watchers.set(path, watcher);
    } catch (error) {
      log.debug(`Sessions in ${path} are not watched: ${messageOf(error)}`);
    }
  };
  const drop = (path: string) => {
    watchers.get(path)?.close();
    watchers.delete(path);
  };
  const look = async () => {
    const names = await readdir(root).catch(() => []);
    const wanted = new Set(names.filter(name => name.startsWith('sessions-')).map(name => join(root, name)));
    for (const path of watchers.keys()) if (path !== root && !wanted.has(path)) drop(path);
    for (const path of wanted) add(path);
  };
  mkdirSync(root, { recursive: true, mode: 0o700 });
  add(root);
  void look();
  return () => {
    ended = true;
    clearTimeout(timer);
    for (const path of [...watchers.keys()]) drop(path);
  };
}
