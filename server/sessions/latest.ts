import { Failure, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { byLastSign, inBatches } from './listing.ts';
import type { SessionRecord } from './types.ts';

/** Of how many sessions of one workspace the conversations are read to find the latest. */
const LOOKED_AT = 200;

/** How a session is looked at. */
export interface Looking {
  /** Its record with what the conversation says now. */
  refresh(id: string): Promise<SessionRecord>;
  /** How much it is worth going on with: the least first. */
  rank(record: SessionRecord): Promise<number>;
  log: Log;
}

/** Of some sessions of one workspace the one to go on with: of those of the best rank that in which something was said last. */
export async function latestOf(
  records: readonly SessionRecord[],
  looking: Looking,
): Promise<SessionRecord | undefined> {
  const found = await inBatches(records.slice(0, LOOKED_AT), 16, record => ranked(record, looking));
  return found.filter(one => one !== undefined).sort((a, b) => a.rank - b.rank || byLastSign(a.record, b.record))[0]
    ?.record;
}

/** Undefined when it is gone meanwhile, or damaged. What else is wrong with one session hides no other. */
async function ranked(
  listed: SessionRecord,
  { refresh, rank, log }: Looking,
): Promise<{ record: SessionRecord; rank: number } | undefined> {
  try {
    const record = await refresh(listed.id);
    return { record, rank: await rank(record) };
  } catch (error) {
    if (error instanceof Failure && (error.kind === 'not-found' || error.kind === 'invalid')) return undefined;
    log.warn(`The conversation of the session ${listed.id} could not be read: ${messageOf(error)}`);
    return { record: listed, rank: 1 };
  }
}
