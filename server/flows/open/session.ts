import { newIdFor, resumeOf } from '../../agents/resume.ts';
import { SIGNALS } from '../../agents/signal.ts';
import type { Resumed } from '../../agents/types.ts';
import { Failure, isCancelled, messageOf } from '../../base/errors.ts';
import { wasSaid } from '../../sessions/conversations.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import type { OwnedMount } from '../../workspace/mounts.ts';
import type { FlowDeps } from '../deps.ts';
import { refuseElsewhere } from '../sessions/elsewhere.ts';
import { loginMounts, sessionDirs } from './credentials.ts';
import type { OpenPlan } from './prepare.ts';

/** The session that an open works with, new or resumed. */
export interface SessionPlan {
  id: string;
  /** Directories of the session that are mounted into the container. */
  mounts: OwnedMount[];
  /** Where hooks leave their lines, inside. */
  signalsDir: string;
  /** Present: its conversation is continued. */
  resume?: Resumed;
  /** The id for a new conversation, of agents whose id is chosen. */
  newId: string;
  /** Makes the record as it was before this open; a session that it began goes. */
  takeBack(): Promise<void>;
}

/** Where a session is opened. */
export interface SessionPlace {
  container: string;
  slot: number;
}

/** The session for a slot: the one that is resumed, or a new one. Its directories are on disk before the container is made. */
export async function sessionFor(
  deps: FlowDeps,
  plan: OpenPlan,
  place: SessionPlace,
  resumed: SessionRecord | undefined,
): Promise<SessionPlan> {
  return resumed === undefined ? beginSession(deps, plan, place) : takeUp(deps, plan, place, resumed);
}

async function beginSession(deps: FlowDeps, plan: OpenPlan, place: SessionPlace): Promise<SessionPlan> {
  const record = await deps.sessions.create({
    agent: plan.agent.name,
    workspace: plan.workspace.path,
    path: plan.mountPath,
    persistent: plan.persistent,
    ...place,
    incus: deps.incus.target,
    ...(plan.config.profile === undefined ? {} : { profile: plan.config.profile }),
  });
  const takeBack = () => deps.sessions.remove(record.id);
  return orTakeBack(deps, takeBack, () => planFor(deps, plan, record, takeBack));
}

async function takeUp(
  deps: FlowDeps,
  plan: OpenPlan,
  place: SessionPlace,
  resumed: SessionRecord,
): Promise<SessionPlan> {
  const { id, agent } = resumed;
  await refuseElsewhere(deps, resumed);
  await takeOver(deps, plan, resumed);
  const known = { known: resumed.conversation, before: resumed.agentSessionId, said: wasSaid(resumed) };
  const resume = await resumeOf(plan.agent, deps.sessions.directory(agent, id), plan.mountPath, known);
  const taken = { ...place, incus: deps.incus.target, persistent: plan.persistent, path: plan.mountPath };
  const { record, giveBack } = await deps.sessions.take(resumed, taken);
  return orTakeBack(deps, giveBack, async () => {
    const session = await planFor(deps, plan, record, giveBack);
    return resume === undefined ? session : { ...session, resume };
  });
}

/** Where its conversation is what coi left in the workspace, that becomes the session's own. It stays coi's if that fails. */
async function takeOver(deps: FlowDeps, plan: OpenPlan, record: SessionRecord): Promise<void> {
  const { inWorkspace } = plan.agent;
  if (inWorkspace === undefined || !(await deps.sessions.isInWorkspace(record))) return;
  await deps.sessions.fill(record, inWorkspace.saved, to => inWorkspace.copy(record.workspace, plan.mountPath, to));
}

async function planFor(
  deps: FlowDeps,
  plan: OpenPlan,
  record: SessionRecord,
  takeBack: () => Promise<void>,
): Promise<SessionPlan> {
  const { uid, gid } = plan.workspace;
  const login = await loginMounts(deps, plan);
  const own = await deps.sessions.prepare(record, sessionDirs(plan), { uid, gid }, plan.code.home);
  const newId = await newIdFor(plan.agent, deps.sessions.directory(record.agent, record.id), record.id);
  const signalsDir = `${plan.code.home}/${SIGNALS.home}`;
  return { id: record.id, mounts: [...login, ...own], signalsDir, newId, takeBack };
}

async function orTakeBack<T>(deps: FlowDeps, takeBack: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await takeBack().catch(failure => deps.log.error(`A session was not taken back: ${messageOf(failure)}`));
    throw error;
  }
}

/** Makes the session as it was before an open that failed. */
export function discardSession(session: SessionPlan): Promise<void> {
  return session.takeBack();
}

/** The session of that id; undefined when its record is gone. Fails with `invalid` when it is damaged. */
export async function storedSession(deps: FlowDeps, id: string | undefined): Promise<SessionRecord | undefined> {
  if (id === undefined) return undefined;
  try {
    return await deps.sessions.get(id);
  } catch (error) {
    if (isCancelled(error) || !(error instanceof Failure) || error.kind !== 'not-found') throw error;
    return undefined;
  }
}

/** As `storedSession`; undefined also when its record is damaged. */
export async function readableSession(deps: FlowDeps, id: string): Promise<SessionRecord | undefined> {
  try {
    return await storedSession(deps, id);
  } catch (error) {
    if (error instanceof Failure && error.kind === 'invalid') return undefined;
    throw error;
  }
}
