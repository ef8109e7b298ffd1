import { randomUUID } from 'node:crypto';
import { ownDirectory } from '../../guest/start.ts';
import type { OwnedMount } from '../../workspace/mounts.ts';
import type { FlowDeps } from '../deps.ts';
import type { OwnedSlot } from '../owned.ts';
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
}

/** Begins a new session for a slot. */
export async function beginSession(_deps: FlowDeps, plan: OpenPlan): Promise<SessionPlan> {
  return { id: randomUUID(), mounts: [], signalsDir: `${ownDirectory(plan.code.home)}/signals` };
}

/** Takes back a session that an open began and then failed. */
export async function discardSession(_deps: FlowDeps, _session: SessionPlan): Promise<void> {}

/** The session that a container had when it was stopped, or a new one. */
export async function continueSession(deps: FlowDeps, plan: OpenPlan, slot: OwnedSlot): Promise<SessionPlan> {
  const { session } = slot.identity;
  const begun = await beginSession(deps, plan);
  return session === undefined ? begun : { ...begun, id: session, resume: { agentSessionId: session } };
}
