import { mergedContent } from '../../agents/merge.ts';
import type { AgentFile } from '../../agents/types.ts';
import { Failure } from '../../base/errors.ts';
import type { FlowDeps } from '../deps.ts';
import { sharesLogin } from './credentials.ts';
import type { OpenPlan } from './prepare.ts';

/** Where the files are; `fresh`: the container was made for this start, so none of them is there yet. */
export interface FilesPlace {
  container: string;
  plan: OpenPlan;
  fresh: boolean;
}

/** What is merged at most (bytes): claude's file has grown to megabytes. */
const LIMIT = 16 * 1024 * 1024;

/** What a link leads to, as the agent itself would read it; nothing where it leads nowhere. */
const THROUGH = '[ -e "$1" ] || exit 0; [ -f "$1" ] && [ "$(wc -c <"$1")" -le "$2" ] && exec cat -- "$1"; exit 1';

/**
 * The agent's files as they are to be written: what merges JSON is merged with what a container that was there has. One that cannot be
 * merged is left as it is, since the user has put it there or the agent has: it starts all the same, and may ask what it is told there.
 */
export async function agentFiles(
  deps: FlowDeps,
  place: FilesPlace,
  files: readonly AgentFile[],
  signal: AbortSignal,
): Promise<AgentFile[]> {
  const all = files.map(async file => {
    if (file.merge !== 'json' || (place.fresh && !sharesLogin(place.plan))) return [file];
    const existing = await contentOf(deps, place, file.path, signal);
    return existing === 'unknown' ? [] : [{ ...file, content: mergedContent(file, existing?.toString('utf8')) }];
  });
  return (await Promise.all(all)).flat();
}

async function contentOf(
  deps: FlowDeps,
  { container, plan }: FilesPlace,
  path: string,
  signal: AbortSignal,
): Promise<Buffer | undefined | 'unknown'> {
  try {
    return await deps.incus.readFile(container, path, { signal, limit: LIMIT });
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'invalid') throw error;
    const { uid, gid } = plan.code;
    const argv = ['/bin/sh', '-c', THROUGH, 'through', path, `${LIMIT}`];
    const result = await deps.incus.exec(container, argv, { user: uid, group: gid, signal, limit: LIMIT });
    if (result.exitCode === 0) return result.stdout;
    deps.log.warn(`What ${plan.agent.title} is told in ${path} was left out: ${error.message}`);
    return 'unknown';
  }
}
