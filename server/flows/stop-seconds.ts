import { isCancelled, messageOf } from '../base/errors.ts';
import type { EffectiveConfig } from '../config/types.ts';
import type { RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';
import { effectiveConfig } from './effective.ts';
import { ownedSlot } from './owned.ts';

/** Longest graceful stop (seconds); coi's files may say more. */
export const MAX_STOP_SECONDS = 3600;

/** What coi has, for a workspace whose configuration cannot be read: no slot must go on because of that. */
const USUAL = 60;

/** Seconds that a slot may take to stop gracefully, as its workspace's configuration says. */
export async function stopSeconds(deps: FlowDeps, name: string, context: RequestContext): Promise<number> {
  const { identity } = await ownedSlot(deps, name, context.signal);
  const profile = identity.profile === undefined ? {} : { profile: identity.profile };
  try {
    const config = await effectiveConfig(deps, identity.workspace, context, profile);
    return gracefulSeconds(config);
  } catch (error) {
    if (isCancelled(error)) throw error;
    deps.log.warn(`${name} is stopped within ${USUAL} s: ${messageOf(error)}`);
    return USUAL;
  }
}

/** Seconds that the configuration gives a graceful stop. */
export function gracefulSeconds(config: EffectiveConfig): number {
  return Math.min(config.get('container.shutdown_timeout'), MAX_STOP_SECONDS);
}
