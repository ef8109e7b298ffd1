import type { TrustItem } from '../protocol/types.ts';
import type { TrustRequest } from '../trust/types.ts';
import type { RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';
import { effectiveConfig } from './effective.ts';
import { rootOwnedRequest } from './open/consent.ts';
import { workspaceAt } from './open/prepare.ts';
import type { ShownRequests } from './shown.ts';

/**
 * What a workspace asks for and what of it the user has approved. With `approve` true everything pending is approved,
 * provided that it is what this client was last shown (else `conflict`); with false every approval is taken back,
 * also of what is not asked for at the moment.
 */
export async function trustState(
  deps: FlowDeps,
  shown: ShownRequests,
  path: string,
  approve: boolean | undefined,
  context: RequestContext,
): Promise<{ pending: TrustItem[]; approved: TrustItem[] }> {
  const workspace = await workspaceAt(deps, path);
  const config = await effectiveConfig(deps, workspace.path, context);
  const requests: TrustRequest[] = [
    ...config.gatedByAny(),
    ...(workspace.rootOwned ? [rootOwnedRequest(workspace)] : []),
  ];
  if (approve === true) {
    shown.require(context.client, workspace.path, requests);
    await deps.trust.approve(workspace.path, requests);
  }
  if (approve === false) await deps.trust.revoke(workspace.path, requests);
  const { pending, approved } = await deps.trust.check(workspace.path, requests);
  shown.note(context.client, workspace.path, requests);
  return { pending: pending.map(item), approved: approved.map(item) };
}

function item({ kind, what }: TrustRequest): TrustItem {
  return { kind, what };
}
