import type { SessionRecord } from '../../sessions/types.ts';

/** coi writes its record about when it makes the container (ms). */
const COI_SAVES_WITHIN = 120_000;

/** A container of coi, which does not say what session runs in it. */
export interface ForeignContainer {
  name: string;
  workspace: string;
  createdAt: string;
}

/** Whether a record tells that a container of coi holds its session: it names it, and was written since it was made. */
export function runsIn(record: SessionRecord, { name, workspace, createdAt }: ForeignContainer): boolean {
  const since = Date.parse(createdAt) - COI_SAVES_WITHIN;
  return record.container === name && record.workspace === workspace && Date.parse(record.savedAt) >= since;
}

/** The session that a container of coi holds: the newest record that tells so. */
export function adopted(records: readonly SessionRecord[], foreign: ForeignContainer): SessionRecord | undefined {
  return records.filter(candidate => runsIn(candidate, foreign)).sort((a, b) => b.savedAt.localeCompare(a.savedAt))[0];
}
