import { messageOf } from '../../base/errors.ts';
import { AT_REST } from '../../slots/keys.ts';
import type { FlowDeps } from '../deps.ts';

/**
 * Notes that an open or start is over, after whatever else is asked for this container before. Nobody has to wait for it: a slot
 * whose agent runs is kept by the next backend even when the note is missing.
 */
export function noteDone(deps: FlowDeps, container: string): void {
  void deps.serial.run(container, async () => {
    try {
      await deps.incus.patchInstance(container, { config: AT_REST });
    } catch (error) {
      deps.log.warn(`Noting that ${container} is open failed: ${messageOf(error)}`);
    }
  });
}
