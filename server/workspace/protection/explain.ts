import { lstat } from 'node:fs/promises';
import { Failure } from '../../base/errors.ts';
import { readUntrusted } from '../../base/files.ts';
import { hostName } from './hooks.ts';
import { RUN_DIRECTORY } from './places.ts';

/** Longest reason that is read. */
const LIMIT = 4096;
/** Milliseconds for which a reason counts: an older one is that of an earlier start, which got further than this one. */
const RECENT = 30_000;

/**
 * Why the hooks of a container refused its start; undefined if they did not. A start that they refuse fails in Incus without the reason.
 */
export async function hookFailure(container: string, project = 'default'): Promise<Failure | undefined> {
  const path = `${RUN_DIRECTORY}/failed/${hostName(container, project)}`;
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined || Date.now() - stats.mtimeMs > RECENT) return undefined;
  const text = await readUntrusted(path, LIMIT);
  const reason = text?.toString('utf8').trim();
  if (reason === undefined || reason === '') return undefined;
  return new Failure('isolation', `The protected paths could not be locked, so the slot was not opened. ${reason}`, {
    hint: 'Mend what is said there, or name the path in `[security] writable_paths`. `[security] protection = "weak"` opens slots with the weaker protection.',
  });
}
