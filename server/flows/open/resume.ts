import { Failure } from '../../base/errors.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import { identify } from '../../slots/keys.ts';
import { containerName } from '../../slots/names.ts';
import { mountPath } from '../../workspace/mounts.ts';
import { cleanWorkspacePath, resolveWorkspace } from '../../workspace/resolve.ts';
import type { FlowDeps } from '../deps.ts';
import { runsIn } from '../sessions/adopt.ts';
import { type OpenRequest, stateDirectories } from './prepare.ts';
import { readableSession } from './session.ts';

/**
 * The session that an open asks to resume: by id, or the newest of the workspace. Fails with `not-found` when there is none,
 * and with `invalid` for one of another workspace: its conversation speaks of other files.
 */
export async function askedSession(deps: FlowDeps, request: OpenRequest): Promise<SessionRecord | undefined> {
  if (request.resume === undefined) return undefined;
  const workspace = cleanWorkspacePath(request.workspace);
  if (request.resume === 'latest') {
    const latest = await deps.sessions.latest(workspace, request.agent);
    if (latest !== undefined) return latest;
    throw new Failure('not-found', `There is no session of ${workspace} to resume.`, {
      hint: 'Open a new slot instead.',
    });
  }
  const record = await deps.sessions.get(request.resume);
  if (record.workspace === workspace) return record;
  throw new Failure('invalid', `The session ${record.id} is of another workspace (${record.workspace}).`, {
    hint: 'Resume it from that folder.',
  });
}

/** A container that holds a session. */
export interface Holder {
  container: string;
  slot: number;
  /** It runs or is paused, so the session is live. */
  up: boolean;
  paused: boolean;
}

/** The container that holds a session as far as the last events tell; one that is up before one that is stopped. */
export function holderOf(deps: FlowDeps, session: string): Holder | undefined {
  const holders = deps.board.instances().flatMap(instance => {
    const identity = identify(instance);
    if (identity === undefined || (identity.session ?? deps.board.facts(instance.name).session) !== session) return [];
    const { name: container, running, frozen: paused } = instance;
    return [{ container, slot: identity.slot, up: running || paused, paused }];
  });
  return holders.find(holder => holder.up) ?? holders[0];
}

/** The same as Incus has it now: another program may have stopped or deleted the container a moment ago. */
export async function holderNow(deps: FlowDeps, session: string): Promise<Holder | undefined> {
  const known = holderOf(deps, session);
  if (known === undefined) return foreignHolder(deps, session);
  await deps.mirror.refresh(known.container);
  return holderOf(deps, session);
}

/** A container of coi that holds a session, as its record on disk tells: coi may have resumed it a moment ago. */
async function foreignHolder(deps: FlowDeps, session: string): Promise<Holder | undefined> {
  const record = await readableSession(deps, session);
  if (record?.container === undefined) return undefined;
  await deps.mirror.refresh(record.container);
  const instance = deps.board.instance(record.container);
  const identity = instance && identify(instance);
  if (instance === undefined || identity === undefined || identity.keyed) return undefined;
  const { name, createdAt, running, frozen: paused } = instance;
  if (!runsIn(record, { name, createdAt, workspace: identity.workspace })) return undefined;
  return { container: name, slot: identity.slot, up: running || paused, paused };
}

/** Whether a container that another backend made a moment ago holds the session, which is then resumed already. */
export async function holdsNow(deps: FlowDeps, container: string, session: string): Promise<boolean> {
  await deps.mirror.refresh(container);
  const instance = deps.board.instance(container);
  return instance !== undefined && identify(instance)?.session === session;
}

/** The number that a session had, if it is free now. */
export function formerSlot(deps: FlowDeps, record: SessionRecord, maxSlots: number): number | undefined {
  const { slot, workspace } = record;
  if (slot === undefined || slot > maxSlots) return undefined;
  const container = containerName(workspace, slot);
  const taken = deps.board.instance(container) !== undefined || deps.reservations.has(container);
  return taken ? undefined : slot;
}

/** What the request leaves open as the session had it: agent, profile, persistence, and the path that its conversation is filed under. */
export async function withSession(
  deps: FlowDeps,
  request: OpenRequest,
  record: SessionRecord | undefined,
): Promise<OpenRequest> {
  if (record === undefined) return request;
  return {
    ...request,
    agent: record.agent,
    profile: request.profile ?? record.profile,
    persistent: request.persistent ?? record.persistent,
    preserve: await preserveFor(deps, record),
  };
}

/**
 * Whether the workspace has to keep its path so that it is inside where the session had it: agents file conversations by that path.
 * Fails with `conflict` when it would be elsewhere either way, as where a link or a git worktree has been exchanged.
 */
export async function preserveFor(deps: FlowDeps, record: SessionRecord): Promise<boolean> {
  const workspace = await resolveWorkspace(record.workspace, {
    home: deps.home,
    stateDirs: stateDirectories(deps),
    uid: deps.uid,
  });
  const usual = mountPath(workspace, false);
  if (usual === record.path) return false;
  if (workspace.path === record.path) return true;
  throw new Failure(
    'conflict',
    `The session ${record.id} was held at ${record.path}, and its folder would be at ${usual} now: the agent would not find the conversation.`,
    { hint: 'Put the folder back as it was, or open a new slot; what was said can still be read.' },
  );
}
