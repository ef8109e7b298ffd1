import { Failure } from '../../base/errors.ts';
import { clearStale, staleProtection } from '../../workspace/protection/stale.ts';
import type { Check } from './check.ts';

/** After a crash, files can be left immutable that no running slot protects any more. */
export const protection: Check = {
  id: 'protection.leftovers',
  group: 'slots',
  needsIncus: false,
  async run() {
    const { stale, lost } = await staleProtection();
    if (lost.length > 0) {
      const paths = lost.map(path => `'${path.replaceAll("'", "'\\''")}'`).join(' ');
      return {
        status: 'warning',
        message: 'Files that a slot protected may still be immutable: their folder was moved meanwhile.',
        detail: lost.join('\n'),
        fix: {
          title: 'Find where the folder is now and clear the flags',
          command: `sudo chattr -R -i -a ${paths}; sudo rm -r /var/lib/incus-agents/protect/lost`,
        },
      };
    }
    if (stale.length === 0) return { status: 'ok', message: 'No file is left immutable by a slot that is gone.' };
    return {
      status: 'warning',
      message: 'Files are left immutable by slots whose end nobody saw.',
      detail: stale.join('\n'),
      fix: { title: 'Clear the flags', action: 'mend' },
    };
  },
  async mend(deps) {
    const { stale } = await clearStale(deps.incus);
    if (stale.length === 0) return;
    throw new Failure('internal', `The flags of ${stale.join(', ')} could not be cleared.`, {
      hint: 'See the log of Incus: `journalctl -u incus`. Starting any slot clears them too.',
    });
  },
};
