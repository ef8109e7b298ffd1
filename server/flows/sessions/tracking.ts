import { existsSync } from 'node:fs';
import { agentNamed, agentNames } from '../../agents/registry.ts';
import { SIGNALS } from '../../agents/signal.ts';
import type { Attention } from '../../attention/attention.ts';
import type { Instance } from '../../incus/types/instance.ts';
import type { SlotStatus } from '../../protocol/types.ts';
import { isSessionName } from '../../sessions/listing.ts';
import type { SessionStore } from '../../sessions/store.ts';
import type { SlotIdentity } from '../../slots/keys.ts';
import type { SlotBoard } from '../../state/board.ts';
import { statusOf } from '../../state/describe.ts';

const ELSEWHERE = 'Its session is kept under another home directory, so nothing is heard of its agent here.';
const ODD = 'What it says of its session was changed by another program, so nothing is heard of its agent here.';

/** Who follows agents, and where it is noted that one cannot be followed. */
export interface TrackingParts {
  sessions: SessionStore;
  attention: Attention;
  board: SlotBoard;
}

/** Has the agent of a container of ours followed, by what Incus says of that now; where it cannot be heard, its state says why. */
export function trackAgent(parts: TrackingParts, container: string, instance: Instance, identity: SlotIdentity): void {
  const unheard = whyUnheard(parts.sessions, identity);
  if (unheard !== undefined) {
    noteUnheard(parts, container, instance.running || instance.frozen, unheard);
    return;
  }
  track(parts, container, identity);
  const startedAt = Date.parse(instance.lastUsedAt ?? '') || undefined;
  parts.attention.containerStatus(container, statusFor(instance, identity), startedAt);
}

/** A session is made before its container; where it is not, a backend of another home made both. */
function whyUnheard(sessions: SessionStore, { keyed, agent, session }: SlotIdentity): string | undefined {
  if (!keyed || session === undefined) return undefined;
  if (!isSessionName(agent, session)) return ODD;
  return existsSync(sessions.directory(agent, session)) ? undefined : ELSEWHERE;
}

function noteUnheard({ attention, board }: TrackingParts, container: string, up: boolean, reason: string): void {
  attention.untrack(container);
  const state = up ? 'unknown' : 'exited';
  const before = board.facts(container).agentState;
  const why = up ? reason : 'The container is not running.';
  if (before?.state === state && before.why === why) return;
  board.note(container, { agentState: { state, since: new Date().toISOString(), why } });
}

function track({ sessions, attention }: TrackingParts, container: string, identity: SlotIdentity): void {
  const { session } = identity;
  // coi's containers are known by what is seen of them alone.
  if (!identity.keyed) attention.track({ container, session: '', tells: false });
  if (!identity.keyed || session === undefined) return;
  const known = agentNames().includes(identity.agent) ? agentNamed(identity.agent) : undefined;
  attention.track({
    container,
    session,
    ...(known?.readyAfter === undefined ? {} : { readyAfter: known.readyAfter }),
    sessionDir: sessions.directory(identity.agent, session),
    signals: SIGNALS.saved,
    ...(known?.tellsAnswers === undefined ? {} : { tellsAnswers: known.tellsAnswers }),
    ...(known?.registry === undefined ? {} : { registry: known.registry }),
    tells: known?.tells ?? false,
    shell: identity.agent === 'shell',
  });
}

/** While its slot is being opened, a container's agent is starting, however far the container is. */
function statusFor(instance: Instance, { phase }: SlotIdentity): SlotStatus {
  return phase === 'opening' || phase === 'starting' ? 'starting' : statusOf(instance.statusCode);
}
