import { isCancelled, messageOf } from '../base/errors.ts';
import type { RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';
import { effectiveConfig } from './effective.ts';
import { ownedSlot } from './owned.ts';

/** What coi has, for a workspace whose configuration cannot be read: no slot must go on because of that. */
const USUAL = 60;

/** Seconds that a slot may take to stop gracefully, as its workspace's configuration says. */
export async function stopSeconds(deps: FlowDeps, name: string, context: RequestContext): Promise<number> {
  const { identity } = await ownedSlot(deps, name, context.signal);
  const profile = identity.profile === undefined ? {} : { profile: identity.profile };
  try {
    const config = await effectiveConfig(deps, identity.workspace, context, profile);
    return config.get('container.shutdown_timeout');
  } catch (error) {
    if (isCancelled(error)) throw error;
    deps.log.warn(`${name} is stopped within ${USUAL} s: ${messageOf(error)}`);
    return USUAL;
  }
}
