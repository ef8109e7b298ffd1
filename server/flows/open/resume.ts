import { Failure } from '../../base/errors.ts';
import type { SlotOpenResult } from '../../protocol/methods.ts';
import type { SessionRecord } from '../../sessions/types.ts';
import { identify } from '../../slots/keys.ts';
import { containerName } from '../../slots/names.ts';
import { cleanWorkspacePath } from '../../workspace/resolve.ts';
import type { FlowDeps } from '../deps.ts';
import type { OpenRequest } from './prepare.ts';

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

/** Where a session's agent runs right now, so that nobody starts a second one. */
export function liveSlot(deps: FlowDeps, session: string): SlotOpenResult | undefined {
  const holder = holderOf(deps, session, true);
  return holder === undefined ? undefined : { ...holder, session };
}

/** The stopped container that a session was in, if it is still there. */
export function stoppedHolder(deps: FlowDeps, session: string): string | undefined {
  return holderOf(deps, session, false)?.container;
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
export function withSession(request: OpenRequest, record: SessionRecord | undefined): OpenRequest {
  if (record === undefined) return request;
  return {
    ...request,
    agent: record.agent,
    profile: request.profile ?? record.profile,
    persistent: request.persistent ?? record.persistent,
    preserve: record.path !== '/workspace',
  };
}

function holderOf(deps: FlowDeps, session: string, up: boolean): { container: string; slot: number } | undefined {
  for (const instance of deps.board.instances()) {
    const identity = identify(instance);
    if (identity?.session !== session || (instance.running || instance.frozen) !== up) continue;
    return { container: instance.name, slot: identity.slot };
  }
  return undefined;
}
