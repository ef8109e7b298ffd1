import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../base/errors.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { type OwnedSlot, ownedSlot } from '../owned.ts';
import { agentIsThere, agentRuns, sendText } from '../screen.ts';
import { openingOf } from './again.ts';
import { startOf } from './new.ts';
import { discardSession, sessionFor } from './session.ts';
import { prepareStart, startAgent } from './start-agent.ts';

/** How often a container that shuts down is looked at, and how long it may take (milliseconds). */
const LOOK_EVERY = 150;
const DOWN_WITHIN = 60_000;

/** From the start of a container until coi has started the agent in it (milliseconds). */
const COI_STARTS_WITHIN = 60_000;

/** Prints `stopping` while systemd shuts the container down. */
const PHASE_OF_LIFE = ['/bin/sh', '-c', '[ ! -d /run/systemd/system ] || systemctl is-system-running'];

/**
 * Brings the agent back in a container that runs without one: when it has ended, after a reboot inside, or when its tmux was ended.
 * The conversation goes on. Where the agent is, nothing is started; the prompt is typed, unless it would be an answer to a question of
 * the agent. In a container that coi made nothing is started either. Gives false when the container is going down, so that nothing can be
 * started in it. Fails with `conflict` when a prompt cannot be given, and when the agent cannot be brought back.
 */
export async function reviveAgent(
  deps: FlowDeps,
  slot: OwnedSlot,
  record: SessionRecord | undefined,
  context: RequestContext,
  prompt: string | undefined,
): Promise<boolean> {
  const { name, identity } = slot;
  if (identity.phase !== undefined || (identity.keyed && identity.session === undefined)) {
    if (prompt === undefined) return true;
    throw notSent(`Another backend is at work on ${name}`, 'Send it when the agent is ready.');
  }
  const found = await lookInside(deps, slot, context.signal);
  if (found === 'down') return false;
  if (found === 'agent') {
    if (prompt !== undefined) await tell(deps, name, prompt, context.signal);
    return true;
  }
  if (!identity.keyed) {
    if (await maybeComing(deps, slot, context.signal)) {
      if (prompt === undefined) return true;
      throw notSent(`coi may still be starting the agent of ${name}`, 'Send it when the agent is ready.');
    }
    throw new Failure('conflict', `The agent of ${name}, which coi made, is not there.`, {
      hint: 'Stop the slot and start it: its conversation is taken over then, and goes on. Or use `coi shell --resume`.',
    });
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

/** Whether coi may be about to start the agent: where it has ended, it leaves a shell in its tmux session. */
async function maybeComing(deps: FlowDeps, slot: OwnedSlot, signal: AbortSignal): Promise<boolean> {
  const age = Date.now() - Date.parse(slot.instance.lastUsedAt ?? slot.instance.createdAt);
  return age < COI_STARTS_WITHIN && !(await agentRuns(deps, slot, signal));
}

/** Types the prompt, unless the agent asks something: the Enter after it would be an answer. */
async function tell(deps: FlowDeps, name: string, prompt: string, signal: AbortSignal): Promise<void> {
  if (deps.board.facts(name).agentState?.state === 'waiting')
    throw notSent(`The agent of ${name} asks something`, 'Answer it, then send the prompt.');
  await sendText(deps, name, prompt, true, signal);
}

/** A prompt that nobody gets; the slot is as it was. */
export function notSent(why: string, hint: string): Failure {
  return new Failure('conflict', `${why}, so the prompt was not sent.`, { hint });
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
async function lookInside(deps: FlowDeps, found: OwnedSlot, signal: AbortSignal): Promise<'agent' | 'none' | 'down'> {
  // Of a container that coi made, only what was seen tells which agent it is.
  const { agent = found.identity.agent } = found.identity.keyed ? {} : deps.board.facts(found.name);
  const slot = { ...found, identity: { ...found.identity, agent } };
  try {
    const life = await deps.incus.exec(slot.name, PHASE_OF_LIFE, { signal, limit: 1024 });
    if (life.stdout.toString('utf8').trim() === 'stopping') return 'down';
    return (await agentIsThere(deps, slot, signal)) ? 'agent' : 'none';
  } catch (error) {
    if (error instanceof Failure && error.kind === 'conflict') return 'down';
    throw error;
  }
}
