import { resumeOf } from '../../agents/resume.ts';
import { mountedDirs, SIGNALS } from '../../agents/signal.ts';
import { Failure, isCancelled } from '../../base/errors.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import type { OwnedMount } from '../../workspace/mounts.ts';
import type { FlowDeps } from '../deps.ts';
import { loginMounts } from './credentials.ts';
import type { OpenPlan } from './prepare.ts';

/** The session that an open works with, new or resumed. */
export interface SessionPlan {
  id: string;
  /** Directories of the session that are mounted into the container. */
  mounts: OwnedMount[];
  /** Where hooks leave their lines, inside. */
  signalsDir: string;
  /** Present: its conversation is continued. */
  resume?: { agentSessionId?: string };
  /** Whether this open made it, so that an open that fails takes it back. */
  begun: boolean;
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
    ...(plan.config.profile === undefined ? {} : { profile: plan.config.profile }),
  });
  return { ...(await planFor(deps, plan, record)), begun: true };
}

async function takeUp(
  deps: FlowDeps,
  plan: OpenPlan,
  place: SessionPlace,
  record: SessionRecord,
): Promise<SessionPlan> {
  const updated = await deps.sessions.update(record.id, {
    ...place,
    persistent: plan.persistent,
    path: plan.mountPath,
  });
  const resume = await resumeOf(plan.agent, deps.sessions.directory(record.agent, record.id));
  return { ...(await planFor(deps, plan, updated)), begun: false, ...(resume === undefined ? {} : { resume }) };
}

async function planFor(deps: FlowDeps, plan: OpenPlan, record: SessionRecord): Promise<Omit<SessionPlan, 'begun'>> {
  const { uid, gid } = plan.workspace;
  const login = await loginMounts(deps, plan);
  const own = await deps.sessions.prepare(record, mountedDirs(plan.agent), { uid, gid }, plan.code.home);
  return { id: record.id, mounts: [...login, ...own], signalsDir: `${plan.code.home}/${SIGNALS.home}` };
}

/** Takes back a session that an open began and then failed. A resumed one stays as it is. */
export async function discardSession(deps: FlowDeps, session: SessionPlan): Promise<void> {
  if (session.begun) await deps.sessions.remove(session.id);
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
