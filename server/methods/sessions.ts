import type { FlowDeps } from '../flows/deps.ts';
import { deleteSession, listSessions, renameSession, showSession } from '../flows/sessions/manage.ts';
import type { Handlers } from './handlers.ts';
import { Params } from './validate.ts';

/** The methods about sessions on disk. */
export function sessionHandlers(deps: FlowDeps): Handlers {
  return {
    'session/list': async params => {
      const p = new Params(params);
      const workspace = p.optional('workspace', o => o.string('workspace'));
      const agent = p.optional('agent', o => o.string('agent'));
      return { sessions: await listSessions(deps, { workspace, agent }) };
    },
    'session/show': async params => showSession(deps, new Params(params).string('id')),
    'session/rename': async params => {
      const p = new Params(params);
      await renameSession(deps, p.string('id'), p.text('title'));
      return {};
    },
    'session/delete': async params => {
      await deleteSession(deps, new Params(params).string('id'));
      return {};
    },
  };
}
