import { Failure } from '../../base/errors.ts';
import type { Instance } from '../../incus/types/instance.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { Session } from '../../protocol/types.ts';
import { identify } from '../../slots/keys.ts';
import { cleanWorkspacePath } from '../../workspace/resolve.ts';
import type { FlowDeps } from '../deps.ts';
import { holderNow, holderOf } from '../open/resume.ts';
import { readableSession } from '../open/session.ts';
import { isCut } from './cut.ts';
import { sessionOf } from './describe.ts';
import { refuseElsewhere } from './elsewhere.ts';

/** The sessions on disk, the one in which something happened last first. */
export async function listSessions(
  deps: FlowDeps,
  filter: { workspace: string | undefined; agent: string | undefined },
): Promise<Session[]> {
  const records = await deps.sessions.list({
    ...(filter.workspace === undefined ? {} : { workspace: cleanWorkspacePath(filter.workspace) }),
    ...(filter.agent === undefined ? {} : { agent: filter.agent }),
  });
  return records.map(record => sessionOf(record, liveIn(deps, record.id)));
}

/** A session with its conversation. */
export async function showSession(deps: FlowDeps, id: string): Promise<ResultOf<'session/show'>> {
  const record = await deps.sessions.refresh(id);
  const transcript = await deps.sessions.transcript(id);
  const truncated = await isCut(deps.sessions.directory(record.agent, id), transcript.length);
  return { session: sessionOf(record, liveIn(deps, id)), transcript, ...(truncated ? { truncated } : {}) };
}

/** Gives a session the user's own title; an empty one brings back that of its first prompt. */
export async function renameSession(deps: FlowDeps, id: string, title: string): Promise<void> {
  await deps.sessions.rename(id, title);
}

/** Deletes a session with its conversation. Fails with `conflict` while its agent runs. A stopped slot that held it starts anew. */
export function deleteSession(deps: FlowDeps, id: string): Promise<void> {
  return deps.serial.run(`session ${id}`, async () => {
    const holder = await holderNow(deps, id);
    const live = holder?.up === true ? holder.container : undefined;
    const starting = deps.board.instances().some(i => identify(i)?.session === id && isUnderWay(deps, i));
    if (live !== undefined || starting) {
      throw new Failure('conflict', `The session ${id} is live${live === undefined ? '' : ` in ${live}`}.`, {
        hint: 'Close its slot first.',
      });
    }
    const record = await readableSession(deps, id);
    if (record !== undefined) await refuseElsewhere(deps, record);
    await deps.sessions.remove(id);
  });
}

/** Whether this backend or another one is at work on a container. */
function isUnderWay(deps: FlowDeps, instance: Instance): boolean {
  return deps.serial.has(instance.name) || identify(instance)?.phase !== undefined;
}

/** The container in which the agent of a session runs. */
function liveIn(deps: FlowDeps, id: string): string | undefined {
  const holder = holderOf(deps, id);
  return holder?.up === true ? holder.container : undefined;
}
