import type { Session } from '../../protocol/types.ts';
import type { SessionRecord } from '../../sessions/types.ts';

/** A record as clients see it; `holder` is the container in which its agent runs. */
export function sessionOf(record: SessionRecord, holder: string | undefined): Session {
  const { titled: _titled, pathUnsaid: _unsaid, heldAt: _held, conversation: _own, incus: _incus, ...rest } = record;
  const place = holder ?? rest.container;
  return { ...rest, live: holder !== undefined, ...(place === undefined ? {} : { container: place }) };
}
