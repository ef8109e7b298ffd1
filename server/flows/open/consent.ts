import { Failure } from '../../base/errors.ts';
import type { WorkspaceFolder } from '../../protocol/methods.ts';
import type { TrustRequest } from '../../trust/types.ts';
import { isWithin } from '../../workspace/refuse.ts';
import { cleanWorkspacePath } from '../../workspace/resolve.ts';
import type { Workspace } from '../../workspace/types.ts';
import type { ClientSession, RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';

/** What mapping root's files into a container cannot prevent; the bits are taken away when the slot stops. */
const SETUID = 'Until the slot stops, it can leave programs there that run as root for whoever starts them (setuid).';

/** What the user has to agree to before an agent works in a folder that belongs to root. */
export function rootOwnedRequest(workspace: Workspace): TrustRequest {
  return {
    kind: 'root-owned',
    what: `${workspace.path} belongs to root: what the agent writes there belongs to root too. ${SETUID}`,
    source: workspace.path,
    line: `root-owned:${workspace.path}`,
    coi: false,
  };
}

/** The client's folder that a path is or lies in, the nearest one: what an editor trusts it trusts to its depth. */
function nearestFolder({ workspaces }: ClientSession, path: string): WorkspaceFolder | undefined {
  const around = workspaces
    .map(folder => ({ folder, path: cleanWorkspacePath(folder.path) }))
    .filter(one => isWithin(path, one.path));
  return around.sort((one, other) => other.path.length - one.path.length)[0]?.folder;
}

/** Fails with `untrusted` when the editor does not trust the folder, by its own path or where that leads, or when it is root's and the user has not agreed. */
export async function requireConsent(deps: FlowDeps, workspace: Workspace, context: RequestContext): Promise<void> {
  const folders = [workspace.path, workspace.real].map(path => nearestFolder(context.client, path));
  const folder = folders.find(one => one !== undefined && one.trusted !== true);
  if (folder !== undefined) {
    throw new Failure('untrusted', `The folder ${folder.path} is not trusted in the editor.`, {
      hint: 'Trust the workspace to open slots in it.',
    });
  }
  if (!workspace.rootOwned) return;
  const { pending } = await deps.trust.check(workspace.path, [rootOwnedRequest(workspace)]);
  if (pending.length === 0) return;
  throw new Failure('untrusted', `The folder ${workspace.path} belongs to root.`, {
    hint: `What an agent writes there belongs to root too. ${SETUID} Agree once, or use a folder of an ordinary user.`,
    detail: 'root-owned',
  });
}
