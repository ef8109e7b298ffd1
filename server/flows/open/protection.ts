import { planProtection } from '../../workspace/protection/plan.ts';
import { allowsHooks } from '../../workspace/protection/support.ts';
import type { ProtectionPlan } from '../../workspace/protection/types.ts';
import type { FlowDeps } from '../deps.ts';
import type { OpenPlan } from './prepare.ts';

/** How the protected and secret paths of a slot will be held, as the configuration says. Fails with `isolation`. */
export async function slotProtection(
  deps: FlowDeps,
  { workspace, config }: OpenPlan,
  container: string,
  signal: AbortSignal,
): Promise<ProtectionPlan> {
  const paths = [...config.get('security.protected_paths'), ...config.get('security.additional_protected_paths')];
  const hooks = config.get('git.writable_hooks') ? ['.git/hooks'] : [];
  return planProtection(workspace, {
    container,
    project: deps.incus.target.project,
    preserve: config.get('paths.preserve_workspace_path'),
    level: config.get('security.protection'),
    paths: config.get('security.disable_protection') ? [] : paths,
    writable: [...config.get('security.writable_paths'), ...hooks],
    immutable: config.get('security.host_immutable'),
    secrets: config.get('security.secret_paths'),
    hooks: () => allowsHooks(deps.incus, signal),
  });
}
