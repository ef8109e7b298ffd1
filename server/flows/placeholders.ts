import { messageOf } from '../base/errors.ts';
import type { Instance } from '../incus/types.ts';
import { parseContainerName } from '../slots/names.ts';
import { clearPlaceholders } from '../workspace/protection/placeholders.ts';
import { PLACEHOLDERS_KEY } from '../workspace/protection/record.ts';
import type { FlowDeps } from './deps.ts';

/** `PLACEHOLDERS_KEY` of the other slots of a container's workspace; `running`: only of those that may need what they name. */
export async function placeholdersBeside(
  deps: FlowDeps,
  container: string,
  o: { running: boolean; signal?: AbortSignal },
): Promise<string[]> {
  const workspace = parseContainerName(container)?.hash;
  const all = await deps.incus.instances(o.signal);
  return all.flatMap(instance => {
    const beside = instance.name !== container && parseContainerName(instance.name)?.hash === workspace;
    const counts = beside && (!o.running || instance.running || instance.frozen);
    const text = instance.config[PLACEHOLDERS_KEY];
    return counts && text !== undefined && text !== '' ? [text] : [];
  });
}

/**
 * Takes away what was made in the workspace for a container that stopped or is gone, in the weaker mode without hooks, unless another
 * slot runs that needs it. A failure is logged: what stays are empty files, and the slot is closed all the same.
 */
export async function clearWeakPlaceholders(deps: FlowDeps, { name, config }: Instance): Promise<void> {
  const text = config[PLACEHOLDERS_KEY] ?? '';
  if (text === '') return;
  try {
    await clearPlaceholders(text, await placeholdersBeside(deps, name, { running: true }));
  } catch (error) {
    deps.log.warn(`Placeholders of ${name} stay: ${messageOf(error)}`);
  }
}
