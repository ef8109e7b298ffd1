import type { Bridge } from '../../network/bridge.ts';
import { allowsHooks } from '../../workspace/protection/support.ts';
import type { FlowDeps } from '../deps.ts';

/** What Incus says of the place where slots are made. A failure shows where it is awaited. */
export interface Surroundings {
  /** Whether the project lets an instance have hooks: see `allowsHooks`. */
  lowLevel: Promise<boolean>;
  bridge: Promise<Bridge>;
}

/** Asks for it at once, so that it is there when the rest is known. */
export function lookAround(deps: FlowDeps, signal: AbortSignal): Surroundings {
  const lowLevel = allowsHooks(deps.incus, signal);
  const bridge = deps.networks.bridge(signal);
  // An open that fails before it needs them has said why already.
  lowLevel.catch(() => {});
  bridge.catch(() => {});
  return { lowLevel, bridge };
}
