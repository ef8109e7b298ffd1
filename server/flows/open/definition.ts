import type { EffectiveConfig } from '../../config/types.ts';
import { tmuxDirectory } from '../../guest/start.ts';
import type { InstanceFragment } from '../../incus/types/config.ts';
import { slotConfig } from '../../slots/keys.ts';
import { workspaceFragment } from '../../workspace/fragment.ts';
import { storedUser } from '../code-user.ts';
import type { FlowDeps } from '../deps.ts';
import { mergeFragments } from '../merge-fragments.ts';
import { sharedWords } from './credentials.ts';
import { containerFragment } from './hardening.ts';
import type { Opening } from './new.ts';
import type { OpenPlan } from './prepare.ts';
import type { SessionPlan } from './session.ts';

/** Everything that an instance is made with, so that one request makes and starts it. */
export function definitionOf(
  deps: FlowDeps,
  { plan, container, slot, limits, protection, network, sharing }: Opening,
  session: SessionPlan,
): Required<InstanceFragment> {
  const preserve = plan.config.get('paths.preserve_workspace_path');
  const place = { container, project: deps.incus.target.project, preserve };
  return mergeFragments(
    containerFragment({
      docker: plan.config.get('container.docker'),
      deny: deniedCalls(plan.config),
      isolatedIds: plan.isolatedIds,
      lowLevel: plan.lowLevel,
      tmuxDirectory: tmuxDirectory(plan.code.home),
    }),
    limits,
    // Its hook looks at what is shared before the others do anything.
    sharing.fragment,
    // Then its own: a start that it refuses must not have begun with anything else.
    network.fragment,
    workspaceFragment(plan.workspace, {
      ...place,
      codeUid: plan.code.uid,
      codeGid: plan.code.gid,
      mounts: [...session.mounts, ...sharing.mounts],
      recursive: protection.recursive,
    }),
    protection.fragment,
    { config: { ...keysOf(plan, session, slot, sharing.words), ...otherKeys(plan) } },
  );
}

/** How much of the kernel is kept from the slot. */
function deniedCalls(config: EffectiveConfig): 'none' | 'risky' | 'strict' {
  if (config.get('security.reduce_kernel_surface_strict')) return 'strict';
  return config.get('security.reduce_kernel_surface') ? 'risky' : 'none';
}

function keysOf(plan: OpenPlan, session: SessionPlan, slot: number, shared: readonly string[]): Record<string, string> {
  return slotConfig({
    workspace: plan.workspace.path,
    slot,
    agent: plan.agent.name,
    session: session.id,
    image: plan.image,
    persistent: plan.persistent,
    shared: [...sharedWords(plan), ...shared],
    ...(plan.config.profile === undefined ? {} : { profile: plan.config.profile }),
  });
}

function otherKeys(plan: OpenPlan): Record<string, string> {
  return {
    'user.incus-agents.user': storedUser(plan.code),
    ...(plan.workspace.rootOwned ? { 'user.incus-agents.root-owned': 'true' } : {}),
  };
}
