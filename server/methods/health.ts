import type { FlowDeps } from '../flows/deps.ts';
import { checkHealth, fixHealth } from '../flows/health/run.ts';
import type { Handlers } from './handlers.ts';
import { Params } from './validate.ts';

/** The methods about the state of the host. */
export function healthHandlers(deps: FlowDeps): Handlers {
  return {
    'health/check': async (_params, context) => ({ checks: await checkHealth(deps, context) }),
    'health/fix': async (params, context) => {
      await fixHealth(deps, new Params(params).string('id'), context);
      return {};
    },
  };
}
