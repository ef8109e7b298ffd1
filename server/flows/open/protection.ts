import { Failure } from '../../base/errors.ts';
import { dropCommand, instanceName } from '../../network/hook.ts';
import { planProtection } from '../../workspace/protection/plan.ts';
import type { ProtectionPlan } from '../../workspace/protection/types.ts';
import { verifyProtection } from '../../workspace/protection/verify.ts';
import type { FlowDeps } from '../deps.ts';
import type { OpenPlan } from './prepare.ts';

/** How the protected and secret paths of a slot will be held, as the configuration says. Fails with `isolation`. */
export async function slotProtection(
  deps: FlowDeps,
  { workspace, config, lowLevel }: OpenPlan,
  container: string,
): Promise<ProtectionPlan> {
  const paths = [...config.get('security.protected_paths'), ...config.get('security.additional_protected_paths')];
  const gitHooks = config.get('git.writable_hooks') ? ['.git/hooks'] : [];
  return planProtection(workspace, {
    container,
    project: deps.incus.target.project,
    preserve: config.get('paths.preserve_workspace_path'),
    level: config.get('security.protection'),
    paths: config.get('security.disable_protection') ? [] : paths,
    writable: [...config.get('security.writable_paths'), ...gitHooks],
    immutable: config.get('security.host_immutable'),
    secrets: config.get('security.secret_paths'),
    hooks: lowLevel,
    refused: dropCommand(instanceName(container, deps.incus.target.project)),
  });
}

/**
 * Looks from the host whether all that was planned is in force in the container that runs now. Fails with `isolation` if not; what
 * cannot be seen, on a host that hides processes, is left to the hooks, which let no container start without it.
 */
export async function confirmProtection(
  deps: FlowDeps,
  container: string,
  protection: ProtectionPlan,
  signal: AbortSignal,
): Promise<void> {
  if (protection.effective === 'off') return;
  const known = protection.fragment.config ?? {};
  const { state, paths } = await verifyProtection(deps.incus, container, signal, known);
  if (state === protection.effective || state === 'unknown') return;
  const missing = paths.filter(path => path.state !== protection.effective).map(path => path.path);
  throw new Failure('isolation', `Protected paths are not held in ${container}: ${missing.slice(0, 5).join(', ')}.`, {
    hint: 'Something changed them while the slot was opened. Open it again.',
  });
}
