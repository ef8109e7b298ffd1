import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RequestContext } from '../flows/context.ts';
import type { FlowDeps } from '../flows/deps.ts';
import { configHandlers } from './config.ts';
import type { Handlers } from './handlers.ts';
import { healthHandlers } from './health.ts';
import { imageHandlers } from './images.ts';
import { sessionHandlers } from './sessions.ts';
import { slotHandlers } from './slots.ts';

/** All methods but those that the connections answer themselves. */
export function createHandlers(deps: FlowDeps): Handlers {
  const all = {
    ...slotHandlers(deps),
    ...sessionHandlers(deps),
    ...imageHandlers(deps),
    ...configHandlers(deps),
    ...healthHandlers(deps),
  };
  return Object.fromEntries(Object.entries(all).map(([method, handler]) => [method, afterChanges(handler)]));
}

type AnyHandler = (params: unknown, context: RequestContext) => Promise<unknown>;

/** The state's changes go out at the end of a turn: the reply waits for that, so that whoever has it has seen what it did. */
function afterChanges(handler: AnyHandler): AnyHandler {
  return async (params, context) => {
    try {
      return await handler(params, context);
    } finally {
      await nextTurn();
    }
  };
}
