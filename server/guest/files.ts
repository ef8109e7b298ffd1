import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../base/errors.ts';

const NAMES = {
  tmuxConf: 'tmux.conf',
  start: 'start.sh',
  begin: 'begin.sh',
  launch: 'launch.sh',
  put: 'put.sh',
  power: 'power.sh',
  names: 'names.sh',
  attach: 'attach.sh',
  filter: 'filter.pl',
  context: 'context.md',
} as const;

/** The texts of media/guest, by what they are for. */
export type GuestFiles = Readonly<Record<keyof typeof NAMES, string>>;

/**
 * Reads all guest files at once, at the start of the backend: the extension's folder goes away when it is updated.
 * `mediaDir` is the extension's media folder. Fails with `internal` when one is missing.
 */
export async function loadGuestFiles(mediaDir: string): Promise<GuestFiles> {
  const read = (name: string) => readFile(join(mediaDir, 'guest', name), 'utf8');
  try {
    const entries = await Promise.all(Object.entries(NAMES).map(async ([key, name]) => [key, await read(name)]));
    return Object.fromEntries(entries);
  } catch (error) {
    throw new Failure('internal', `A file of the extension is missing: ${messageOf(error)}.`, {
      hint: 'Install the extension again.',
      cause: error,
    });
  }
}
