import { Failure } from '../base/errors.ts';
import { readUntrusted } from '../base/files.ts';
import { FAILED_DIRECTORY, instanceName } from './hook.ts';

/** Longest reason that is read. */
const LIMIT = 4096;

/**
 * Why the network's hook refused the start of a container; undefined if it did not. A start that it refuses fails in Incus without
 * the reason.
 */
export async function networkFailure(container: string, project = 'default'): Promise<Failure | undefined> {
  const text = await readUntrusted(`${FAILED_DIRECTORY}/${instanceName(container, project)}`, LIMIT);
  const reason = text?.toString('utf8').trim();
  if (reason === undefined || reason === '') return undefined;
  const hint = /not found/.test(reason)
    ? 'Install nftables: sudo apt install nftables'
    : '`[network] mode = "open"` in your own configuration opens slots without restriction.';
  return new Failure('isolation', `The network could not be restricted, so the slot was not opened. ${reason}`, {
    hint,
  });
}
