import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../base/errors.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { type OwnedSlot, ownedSlot } from '../owned.ts';
import { agentIsThere, sendText } from '../screen.ts';
import { openingOf } from './again.ts';
import { startOf } from './new.ts';
import { discardSession, sessionFor } from './session.ts';
import { prepareStart, startAgent } from './start-agent.ts';

/** How often a container that shuts down is looked at, and how long it may take (milliseconds). */
const LOOK_EVERY = 150;
const DOWN_WITHIN = 60_000;

/** Prints `stopping` while systemd shuts the container down. */
const PHASE_OF_LIFE = ['/bin/sh', '-c', '[ ! -d /run/systemd/system ] || systemctl is-system-running'];

/**
 * Brings the agent back in a container that runs without one: when it has ended, after a reboot inside, or when its tmux was ended.
 * The conversation goes on. Where the agent is, nothing is started; the prompt is typed. Coi's containers are left as they are.
 * Gives false when the container is going down, so that nothing can be started in it.
 */
export async function reviveAgent(
  deps: FlowDeps,
  slot: OwnedSlot,
  record: SessionRecord | undefined,
  context: RequestContext,
  prompt: string | undefined,
): Promise<boolean> {
  const { name, identity } = slot;
  if (identity.session === undefined || identity.phase !== undefined) return true;
  const found = await lookInside(deps, slot, context.signal);
  if (found === 'down') return false;
  if (found === 'agent') {
    if (prompt !== undefined) await sendText(deps, name, prompt, true, context.signal);
    return true;
  }
  if (record === undefined) {
    throw new Failure('conflict', `The session of ${name} is deleted, so its agent cannot be started again.`, {
      hint: 'Close the slot and open a new one.',
    });
  }
  const opening = await openingOf(deps, slot, record, context, prompt);
  const session = await sessionFor(deps, opening.plan, { container: name, slot: identity.slot }, record);
  const start = startOf(opening, session, false);
  deps.board.note(name, { transition: 'starting', problem: undefined });
  try {
    await startAgent(deps, start, await prepareStart(deps, start, context), context.signal);
  } catch (error) {
    await discardSession(session);
    throw error;
  } finally {
    deps.board.note(name, { transition: undefined });
  }
  return true;
}

/** Waits until a container that shuts down is stopped; gives it as it is then. Fails with `timeout`. */
export async function whenDown(deps: FlowDeps, name: string, signal: AbortSignal): Promise<OwnedSlot> {
  const end = performance.now() + DOWN_WITHIN;
  for (;;) {
    const slot = await ownedSlot(deps, name, signal);
    if (!slot.instance.running) return slot;
    if (performance.now() > end) {
      throw new Failure('timeout', `The container ${name} is shutting down and does not come to an end.`, {
        hint: 'Stop the slot, then try again.',
      });
    }
    await sleep(LOOK_EVERY, undefined, { signal });
  }
}

/** Whether the agent is there, or the container is about to stop; Incus says that it runs until its last moment. */
async function lookInside(deps: FlowDeps, slot: OwnedSlot, signal: AbortSignal): Promise<'agent' | 'none' | 'down'> {
  try {
    const life = await deps.incus.exec(slot.name, PHASE_OF_LIFE, { signal, limit: 1024 });
    if (life.stdout.toString('utf8').trim() === 'stopping') return 'down';
    return (await agentIsThere(deps, slot, signal)) ? 'agent' : 'none';
  } catch (error) {
    if (error instanceof Failure && error.kind === 'conflict') return 'down';
    throw error;
  }
}
