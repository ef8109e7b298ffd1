import { randomUUID } from 'node:crypto';
import { Failure, messageOf } from '../../base/errors.ts';
import { IncusError } from '../../incus/errors.ts';
import type { Instance } from '../../incus/types/instance.ts';
import { identify } from '../../slots/keys.ts';
import { claimStopped, powerOff } from '../../slots/lifecycle.ts';
import { withoutDiskLimits } from '../../slots/limits.ts';
import { PROTECTED_KEY } from '../../workspace/protection/record.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { withoutEmpty } from '../merge-fragments.ts';
import { ownedSlot } from '../owned.ts';
import { settleForStop } from '../settle.ts';
import { definitionOf } from './definition.ts';
import { noteDone } from './done.ts';
import { explainEarlyEnd } from './early-end.ts';
import { type Former, formerConfig, formerOf, restore } from './former.ts';
import { refusePrivileged } from './hardening.ts';
import { type Opening, refusedStart, startOf } from './new.ts';
import { confirmProtection } from './protection.ts';
import { LostRace } from './reservation.ts';
import { discardSession, type SessionPlan, sessionFor } from './session.ts';
import { stalePlaces } from './sharing.ts';
import { startInside } from './sharing-inside.ts';
import { prepareStart } from './start-agent.ts';

/** Seconds that a container has to go down again when a start is undone. */
const UNDO_SECONDS = 10;

/**
 * Starts a stopped container again with a new session in it; gives the session's id. Fails with `LostRace` when somebody
 * else took it. Whatever fails, the container is stopped again.
 */
export async function openExisting(deps: FlowDeps, opening: Opening, context: RequestContext): Promise<string> {
  const { plan, container, slot, resumed } = opening;
  const session = await sessionFor(deps, plan, { container, slot }, resumed);
  try {
    await claim(deps, container, context.signal);
  } catch (error) {
    await discardSession(session);
    throw error;
  }
  return bringUp(deps, opening, session, context, () => discardSession(session));
}

/** Starts a claimed container with this session; `discard` takes back what was made for it. */
export async function bringUp(
  deps: FlowDeps,
  opening: Opening,
  session: SessionPlan,
  context: RequestContext,
  discard: () => Promise<void>,
): Promise<string> {
  const { plan, container } = opening;
  deps.board.note(container, { transition: 'starting', problem: undefined });
  let former: Former | undefined;
  let started = false;
  try {
    context.progress({ phase: 'start', message: `Starting ${container}`, percent: 20 });
    const start = startOf(opening, session, false);
    const preparing = prepareStart(deps, start, context);
    const stale = await redefine(deps, opening, session, context.signal, before => {
      former = before;
    });
    await opening.network.prepare();
    started = true;
    await startContainer(deps, opening, context.signal);
    await confirmProtection(deps, container, opening.protection, context.signal);
    await removeStale(deps, container, stale, context.signal);
    context.progress({ phase: 'agent', message: `Starting ${plan.agent.title}`, percent: 80 });
    await startInside(deps, start, await preparing, context.signal);
    noteDone(deps, container);
    return session.id;
  } catch (error) {
    const failure = started ? await explainEarlyEnd(deps, container, error) : error;
    await undo(deps, container, former, discard);
    throw failure;
  } finally {
    await deps.mirror.refresh(container);
    deps.board.note(container, { transition: undefined });
  }
}

/** Starts it; says what the hooks refused, if they did. */
async function startContainer(deps: FlowDeps, opening: Opening, signal: AbortSignal): Promise<void> {
  try {
    await deps.incus.setState(opening.container, 'start', { signal });
  } catch (error) {
    throw (await refusedStart(deps, opening, error)) ?? error;
  }
}

/** Takes the stopped container, so that of several opens one gets it. */
export async function claim(deps: FlowDeps, container: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await claimOnce(deps, container, signal);
    } catch (error) {
      // It may have been Incus itself, which notes how a container ended some time after it has stopped.
      if (error instanceof IncusError && error.reason === 'changed' && attempt < CLAIMS) continue;
      if (error instanceof Failure && error.kind === 'conflict') throw new LostRace(container, error);
      throw error;
    }
  }
}

/** How often a container is looked at anew that was changed meanwhile. */
const CLAIMS = 5;

async function claimOnce(deps: FlowDeps, container: string, signal: AbortSignal): Promise<void> {
  const found = await deps.incus.instance(container, signal);
  if (found !== undefined) refusePrivileged(found.instance);
  if (found === undefined || found.instance.running || found.instance.frozen)
    throw new Failure('conflict', `The container ${container} is not stopped any more.`, { hint: 'Try again.' });
  // Until its start is over, Incus says of a container that another backend claimed that it is stopped.
  if (await isBeingChanged(deps, found.instance))
    throw new Failure('conflict', `Another backend is at work on ${container}.`, { hint: 'Try again in a moment.' });
  await claimStopped(deps.incus, found, randomUUID(), deps.backendKey, signal);
}

/** Whether another backend that lives has noted that it is changing the container. */
async function isBeingChanged(deps: FlowDeps, instance: Instance): Promise<boolean> {
  const { phase, backend } = identify(instance) ?? {};
  if (phase === undefined || backend === undefined || backend === deps.backendKey) return false;
  return deps.backendAlive(backend);
}

/**
 * Gives the container what this open would have made it with, and takes away what an earlier one gave it; gives the files inside that are
 * to go too. `hear` is told before what it was.
 */
async function redefine(
  deps: FlowDeps,
  opening: Opening,
  session: SessionPlan,
  signal: AbortSignal,
  hear: (former: Former) => void,
): Promise<string[]> {
  let stale: string[] = [];
  const wanted = definitionOf(deps, opening, session);
  await deps.incus.putInstance(
    opening.container,
    current => {
      const former = formerOf(current);
      hear(former);
      stale = stalePlaces(current.config, opening.sharing);
      const devices = Object.fromEntries(Object.entries(current.devices).filter(([name]) => !OURS.test(name)));
      const config = Object.entries(current.config).filter(([key]) => !REPLACED.has(key));
      return {
        ...current,
        devices: { ...withoutDiskLimits(devices), ...wanted.devices },
        config: withoutEmpty({
          ...Object.fromEntries(config),
          ...wanted.config,
          ...keptOf(current.config),
          ...formerConfig(former),
        }),
      };
    },
    { signal },
  );
  return stale;
}

async function removeStale(deps: FlowDeps, container: string, paths: string[], signal: AbortSignal): Promise<void> {
  if (paths.length === 0) return;
  const { exitCode } = await deps.incus.exec(container, ['rm', '-f', '--', ...paths], { signal });
  if (exitCode !== 0) deps.log.warn(`Files that are no longer shared with ${container} could not be removed.`);
}

/** What stays as the container was made, whatever the configuration says now. */
function keptOf(config: Readonly<Record<string, string>>): Record<string, string> {
  const kept = ['user.incus-agents.image', 'user.incus-agents.persistent'];
  return Object.fromEntries(kept.flatMap(key => (config[key] === undefined ? [] : [[key, config[key]]])));
}

/** Devices that an open makes, coi's too; what else is there the user added. */
const OURS =
  /^(workspace|git-worktree-common|session-\d+|login|network-proxy|ssh-agent|(mount|socket)-\d+|coi-port-.+)$/;
const REPLACED: ReadonlySet<string> = new Set([
  ...['raw.idmap', 'raw.lxc', 'user.incus-agents.profile', PROTECTED_KEY],
]);

async function undo(
  deps: FlowDeps,
  container: string,
  former: Former | undefined,
  discard: () => Promise<void>,
): Promise<void> {
  try {
    const slot = await ownedSlot(deps, container);
    if (await settleForStop(deps, slot, true)) await powerOff(deps.incus, container, UNDO_SECONDS);
    await restore(deps, container, former);
    await discard();
  } catch (error) {
    deps.log.error(`Undoing the start of ${container} failed: ${messageOf(error)}`);
  }
}
