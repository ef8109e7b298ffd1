import { INOTIFY_FIX, INOTIFY_NEEDED, inotifyInstances } from '../inotify.ts';
import type { Check } from './check.ts';

/** Each slot is a whole system that watches files; the kernel counts the watchers of all of them together. */
export const watchers: Check = {
  id: 'host.watchers',
  group: 'host',
  needsIncus: false,
  async run() {
    const allowed = await inotifyInstances();
    if (allowed === undefined) return { status: 'ok', message: 'The limit of watchers cannot be told here.' };
    const told = `fs.inotify.max_user_instances is ${allowed}`;
    if (allowed >= INOTIFY_NEEDED) return { status: 'ok', message: `${told}, enough for 50 slots.` };
    return {
      status: 'warning',
      message: `${told}: from about ${Math.floor(allowed / 8)} slots on, new ones end as soon as they start.`,
      fix: { title: 'Allow more watchers', command: INOTIFY_FIX },
    };
  },
};
