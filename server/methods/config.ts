import { allowForWorkspace } from '../flows/allow-host.ts';
import type { FlowDeps } from '../flows/deps.ts';
import { showConfig } from '../flows/show-config.ts';
import { ShownRequests } from '../flows/shown.ts';
import { trustState } from '../flows/trust.ts';
import type { Handlers } from './handlers.ts';
import { Params } from './validate.ts';

/** The methods about configuration and what a project may ask for. */
export function configHandlers(deps: FlowDeps): Handlers {
  const shown = new ShownRequests();
  return {
    'config/show': async (params, context) => {
      return showConfig(deps, new Params(params).string('workspace'), context);
    },
    'config/allow': async (params, context) => {
      const p = new Params(params);
      return { hosts: await allowForWorkspace(deps, p.string('workspace'), p.strings('hosts'), context) };
    },
    'config/trust': async (params, context) => {
      const p = new Params(params);
      const approve = p.optional('approve', o => o.boolean('approve'));
      return trustState(deps, shown, p.string('workspace'), approve, context);
    },
  };
}
