import { stat } from 'node:fs/promises';
import { isIdMapped, missingIds } from '../../workspace/idmap.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import type { Check } from './check.ts';

/** Incus maps the ids of a folder's owner into containers only when the host's files allow it. */
export const userMapping: Check = {
  id: 'user.id-mapping',
  group: 'user',
  needsIncus: false,
  async run(deps, context) {
    const commands = new Set<string>();
    const missing = new Set<string>();
    for (const { uid, gid } of await owners(deps, context)) {
      for (const { id, file, command } of await missingIds(uid, gid)) {
        missing.add(`${file} lacks the line root:${id}:1`);
        commands.add(command);
      }
    }
    if (missing.size === 0)
      return { status: 'ok', message: 'Files that agents make can belong to you, and to the owners of your folders.' };
    return {
      status: 'failed',
      message: `Not all ids of yours and of your folders’ owners can be mapped into containers: ${[...missing].join('; ')}.`,
      fix: { title: 'Add the lines', command: [...commands].join(' && ') },
    };
  },
};

/** The user, and the owners of the folders of the window; those of root need no entries. */
async function owners(deps: FlowDeps, { client }: RequestContext): Promise<{ uid: number; gid: number }[]> {
  const own = { uid: deps.uid, gid: process.getgid?.() ?? deps.uid };
  const folders = await Promise.all(client.workspaces.map(({ path }) => stat(path).catch(() => undefined)));
  return [own, ...folders].filter(owner => owner !== undefined).filter(owner => !isIdMapped(owner));
}
