import { realpath } from 'node:fs/promises';
import type { Workspace } from '../../workspace/types.ts';
import type { FlowDeps } from '../deps.ts';

/** Every directory of the host in which an agent of a slot that is there can write. */
function writableNow(deps: FlowDeps): string[] {
  return deps.board
    .instances()
    .flatMap(instance => Object.values(instance.expandedDevices))
    .flatMap(({ type, source, readonly }) => (type === 'disk' && readonly !== 'true' && source ? [source] : []))
    .filter(source => source.startsWith('/'));
}

/** Every directory of the host in which an agent can write, or could: what it left there stays. Real paths. */
export async function writableByAgents(deps: FlowDeps, workspace?: Workspace): Promise<string[]> {
  const sessions = (await deps.sessions.list()).map(record => record.workspace);
  const own = workspace === undefined ? [] : [workspace.real, ...[workspace.git?.commonDir ?? []].flat()];
  const paths = new Set([...own, ...writableNow(deps), ...sessions]);
  return Promise.all([...paths].map(path => realpath(path).catch(() => path)));
}
