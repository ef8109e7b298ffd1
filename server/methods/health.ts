import type { FlowDeps } from '../flows/deps.ts';
import { checkHealth, fixHealth } from '../flows/health/run.ts';
import type { Handlers } from './handlers.ts';
import { Params } from './validate.ts';

/** The methods about the state of the host. */
export function healthHandlers(deps: FlowDeps): Handlers {
  return {
    'health/check': async (_params, { signal }) => ({ checks: await checkHealth(deps, signal) }),
    'health/fix': async (params, { signal }) => {
      await fixHealth(deps, new Params(params).string('id'), signal);
      return {};
    },
  };
}
