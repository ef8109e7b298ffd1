import { lstat } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';
import { readUntrusted } from '../base/files.ts';
import { FAILED_DIRECTORY, instanceName } from './hook.ts';

/** Longest reason that is read. */
const LIMIT = 4096;
/** Milliseconds for which a reason counts: an older one is that of an earlier start. */
const RECENT = 30_000;

/**
 * Why the network's hook refused the start of a container; undefined if it did not. A start that it refuses fails in Incus without
 * the reason.
 */
export async function networkFailure(container: string, project = 'default'): Promise<Failure | undefined> {
  const path = `${FAILED_DIRECTORY}/${instanceName(container, project)}`;
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined || Date.now() - stats.mtimeMs > RECENT) return undefined;
  const text = await readUntrusted(path, LIMIT);
  const reason = text?.toString('utf8').trim();
  if (reason === undefined || reason === '') return undefined;
  const hint = /not found/.test(reason)
    ? 'Install nftables: sudo apt install nftables'
    : '`[network] mode = "open"` in your own configuration opens slots without restriction.';
  return new Failure('isolation', `The network could not be restricted, so the slot was not opened. ${reason}`, {
    hint,
  });
}
