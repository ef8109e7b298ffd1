import type { HealthCheck, HealthFix } from '../../protocol/types.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';

/** What a check found; `fix` is there when something can be done. */
export interface Finding {
  status: HealthCheck['status'];
  message: string;
  detail?: string;
  fix?: HealthFix;
}

/** One thing that must be right for slots to open and run. */
export interface Check {
  id: string;
  group: 'host' | 'incus' | 'storage' | 'network' | 'images' | 'user' | 'slots';
  /** Whether it can only be told when Incus answers. */
  needsIncus: boolean;
  run(deps: FlowDeps, context: RequestContext): Promise<Finding>;
  /** Mends what `run` found, where the backend may do it itself; the finding's fix says so by its action, or names a command besides. */
  mend?(deps: FlowDeps, signal: AbortSignal, context: RequestContext): Promise<void>;
}
