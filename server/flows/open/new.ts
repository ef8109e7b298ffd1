import { type Failure, messageOf } from '../../base/errors.ts';
import type { InstanceFragment } from '../../incus/types/config.ts';
import { networkFailure } from '../../network/explain.ts';
import type { NetworkPlan } from '../../network/types.ts';
import type { Slot } from '../../protocol/types.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import { portTaken } from '../../sharing/ports.ts';
import { slotConfig } from '../../slots/keys.ts';
import { destroy } from '../../slots/lifecycle.ts';
import { guardFailure } from '../../workspace/mount-guard.ts';
import { workspaceMounts } from '../../workspace/mounts.ts';
import { hookFailure } from '../../workspace/protection/explain.ts';
import type { ProtectionPlan } from '../../workspace/protection/types.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { withoutEmpty } from '../merge-fragments.ts';
import { createAlone } from './create-alone.ts';
import { definitionOf } from './definition.ts';
import { noteDone } from './done.ts';
import { explainEarlyEnd } from './early-end.ts';
import type { OpenPlan } from './prepare.ts';
import { confirmProtection } from './protection.ts';
import { LostRace } from './reservation.ts';
import { discardSession, type SessionPlan, sessionFor } from './session.ts';
import type { Sharing } from './sharing.ts';
import { startInside } from './sharing-inside.ts';
import { type AgentStart, prepareStart } from './start-agent.ts';

/** One open, once its slot is chosen. */
export interface Opening {
  plan: OpenPlan;
  container: string;
  slot: number;
  prompt: string | undefined;
  /** Those of the configuration, fit for the pool of the slot's disk. */
  limits: InstanceFragment;
  protection: ProtectionPlan;
  network: NetworkPlan;
  sharing: Sharing;
  /** The agent's login, as variables of its process alone; asked for before anything is made. */
  credentials: Readonly<Record<string, string>>;
  /** The session that is continued. */
  resumed: SessionRecord | undefined;
}

/**
 * Makes the container and starts the agent in it; gives the session's id. Fails with `LostRace` when somebody else made a
 * container of that name. Whatever fails, nothing half-made stays.
 */
export async function openNew(deps: FlowDeps, opening: Opening, context: RequestContext): Promise<string> {
  const { plan, container, slot } = opening;
  deps.board.announce(announced(opening));
  deps.board.note(container, { transition: 'creating', problem: undefined });
  const session = await begin(deps, opening);
  const undo: Undo[] = [{ step: () => discardSession(session) }];
  let seen: Promise<void> | undefined;
  try {
    const start = startOf(opening, session, true);
    const preparing = prepareStart(deps, start, context);
    await create(deps, opening, session, context, undo);
    // What the start of the agent adds comes by an event.
    seen = deps.mirror.refresh(container);
    const [prepared] = await Promise.all([
      preparing,
      confirmProtection(deps, container, opening.protection, context.signal),
    ]);
    context.progress({ phase: 'agent', message: `Starting ${plan.agent.title}`, percent: 80 });
    deps.board.note(container, { transition: 'starting' });
    await startInside(deps, start, prepared, context.signal);
    noteDone(deps, container);
    deps.log.info(`Opened slot ${slot} of ${plan.workspace.path} as ${container}.`);
    return session.id;
  } catch (error) {
    const failure = await explainEarlyEnd(deps, container, error);
    await undoAll(deps, undo, container);
    seen = undefined;
    throw failure;
  } finally {
    await (seen ?? deps.mirror.refresh(container));
    deps.board.retract(container);
    deps.board.note(container, { transition: undefined });
  }
}

async function begin(deps: FlowDeps, opening: Opening): Promise<SessionPlan> {
  const { plan, container, slot, resumed } = opening;
  try {
    return await sessionFor(deps, plan, { container, slot }, resumed);
  } catch (error) {
    deps.board.retract(container);
    deps.board.note(container, { transition: undefined });
    throw error;
  }
}

async function create(
  deps: FlowDeps,
  opening: Opening,
  session: SessionPlan,
  context: RequestContext,
  undo: Undo[],
): Promise<void> {
  const { network, plan, container } = opening;
  const definition = definitionOf(deps, opening, session);
  const phase = slotConfig({ phase: 'opening', backend: deps.backendKey });
  context.progress({ phase: 'create', message: `Creating ${container}`, percent: 10 });
  const fingerprint = await plan.fingerprint;
  await network.prepare();
  undo.push({ step: network.release });
  const instance = {
    name: container,
    source: { fingerprint },
    config: withoutEmpty({ ...definition.config, ...phase }),
    devices: definition.devices,
    start: true,
  };
  const onProgress = (message: string, percent?: number) => {
    const part = percent === undefined ? {} : { percent: 10 + Math.round(percent * 0.6) };
    context.progress({ phase: 'create', message, ...part });
  };
  try {
    await createAlone(deps.incus, instance, { signal: context.signal, onProgress });
  } catch (error) {
    if (error instanceof LostRace) throw error;
    throw (await refusedStart(deps, opening, error)) ?? error;
  }
  undo.push({ step: () => destroy(deps.incus, container), first: true });
}

/** Why a start has just failed, where a hook or a port says more than Incus; else undefined. */
export async function refusedStart(
  deps: FlowDeps,
  { container, sharing }: Opening,
  error: unknown,
): Promise<Failure | undefined> {
  const { project } = deps.incus.target;
  const found = (await portTaken(messageOf(error), sharing.ports)) ?? (await guardFailure(container, project));
  return found ?? (await hookFailure(container, project)) ?? (await networkFailure(container, project));
}

/** What an agent's start in this opening is. */
export function startOf(opening: Opening, session: SessionPlan, fresh: boolean): AgentStart {
  const { plan, container, prompt, protection, network, credentials, sharing } = opening;
  return {
    container,
    plan,
    session,
    protection,
    network,
    credentials,
    sharing,
    fresh,
    ...(prompt === undefined ? {} : { prompt }),
  };
}

/** A step back. What was done before the `first` one holds as long as that has not been undone. */
interface Undo {
  step: () => Promise<void>;
  first?: true;
}

/**
 * Undoes in the opposite order; one that fails is logged and leaves its traces to the next start's reconciliation. A container that
 * could not be deleted keeps its session, which it writes to, its protection and its network.
 */
async function undoAll(deps: FlowDeps, undo: Undo[], container: string): Promise<void> {
  for (const { step, first } of undo.reverse()) {
    try {
      await step();
    } catch (error) {
      deps.log.error(`Undoing the open of ${container} failed: ${messageOf(error)}`);
      if (first === true) return;
    }
  }
}

function announced({ plan, container, slot, sharing }: Opening): Slot {
  const now = new Date().toISOString();
  const mounts = workspaceMounts(plan.workspace, plan.config.get('paths.preserve_workspace_path'));
  return {
    container,
    workspace: plan.workspace.path,
    slot,
    status: 'creating',
    persistent: plan.persistent,
    agent: plan.agent.name,
    agentState: { state: 'starting', since: now },
    image: plan.image,
    network: 'unknown',
    protection: 'unknown',
    mounts: [...mounts, ...sharing.mounts].map(mount => ({
      source: mount.source,
      path: mount.path,
      readonly: mount.readonly === true,
    })),
    createdAt: now,
    ...(plan.config.profile === undefined ? {} : { profile: plan.config.profile }),
  };
}
