import { Failure } from '../../base/errors.ts';
import type { TrustRequest } from '../../trust/types.ts';
import { cleanWorkspacePath } from '../../workspace/resolve.ts';
import type { Workspace } from '../../workspace/types.ts';
import type { RequestContext } from '../context.ts';
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

/** Fails with `untrusted` when the editor does not trust the folder, or when it is root's and the user has not agreed. */
export async function requireConsent(deps: FlowDeps, workspace: Workspace, context: RequestContext): Promise<void> {
  const folder = context.client.workspaces.find(w => cleanWorkspacePath(w.path) === workspace.path);
  if (folder !== undefined && folder.trusted !== true) {
    throw new Failure('untrusted', `The folder ${workspace.path} is not trusted in the editor.`, {
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
