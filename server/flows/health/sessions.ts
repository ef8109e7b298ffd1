import type { Check } from './check.ts';

/** A session whose record cannot be read is in no list; its conversation is still there. */
export const damagedSessions: Check = {
  id: 'user.sessions',
  group: 'user',
  needsIncus: false,
  async run(deps) {
    const damaged = await deps.sessions.damaged();
    if (damaged.length === 0) return { status: 'ok', message: 'The records of all sessions can be read.' };
    const count =
      damaged.length === 1 ? 'The record of one session is' : `The records of ${damaged.length} sessions are`;
    return {
      status: 'warning',
      message: `${count} damaged, so the list of sessions does not have ${damaged.length === 1 ? 'it' : 'them'}.`,
      detail: damaged.map(({ path, message }) => `${path}: ${message}`).join('\n'),
      fix: { title: 'Repair the file metadata.json, or remove the directory of the session; the report has the paths' },
    };
  },
};
