import { isCancelled, messageOf } from '../base/errors.ts';
import { handOverArgv } from '../workspace/handover.ts';
import type { CodeUser } from './code-user.ts';
import type { FlowDeps } from './deps.ts';
import type { OwnedSlot } from './owned.ts';

/** Longest time that looking through a workspace may hold up a stop (ms). */
const LIMIT_MS = 60_000;
/** Devices in which root inside can make files that outlive the container: of the workspace, the session and a shared login. */
const DEVICES = /^(workspace|git-worktree-common|mount-\d+|session-\d+|login)$/;

/**
 * Gives what container root made there to the user, as long as the container runs: afterwards nobody but the
 * host's root could. That it did not work is told, but keeps no slot from stopping.
 */
export async function handOverWorkspace(
  deps: FlowDeps,
  slot: OwnedSlot,
  code: CodeUser,
  o: { signal?: AbortSignal; milliseconds?: number } = {},
): Promise<void> {
  const { signal, milliseconds = LIMIT_MS } = o;
  const { expandedDevices } = slot.instance;
  const shared = Object.entries(expandedDevices).filter(
    ([name, { readonly }]) => DEVICES.test(name) && readonly !== 'true',
  );
  // A kill waits for it for a moment only: the user's own work comes first.
  const first = shared.toSorted(([a], [b]) => Number(b === 'workspace') - Number(a === 'workspace'));
  const paths = first.flatMap(([, { path }]) => path ?? []);
  if (paths.length === 0) return;
  const argv = handOverArgv({
    paths,
    codeUid: code.uid,
    codeGid: code.gid,
    rootOwned: slot.instance.config['user.incus-agents.root-owned'] === 'true',
  });
  try {
    const limit = AbortSignal.timeout(milliseconds);
    const limited = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    const result = await deps.incus.exec(slot.name, argv, { setsid: false, signal: limited });
    if (result.exitCode !== 0) throw new Error(result.stderr.toString('utf8').slice(0, 500));
  } catch (error) {
    if (signal?.aborted === true && isCancelled(error)) throw error;
    deps.log.warn(`Handing over what root made in ${slot.name} failed: ${messageOf(error)}`);
  }
}
