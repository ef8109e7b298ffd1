import type { FlowDeps } from '../flows/deps.ts';
import { configHandlers } from './config.ts';
import type { Handlers } from './handlers.ts';
import { healthHandlers } from './health.ts';
import { imageHandlers } from './images.ts';
import { sessionHandlers } from './sessions.ts';
import { slotHandlers } from './slots.ts';

/** All methods but those that the connections answer themselves. */
export function createHandlers(deps: FlowDeps): Handlers {
  return {
    ...slotHandlers(deps),
    ...sessionHandlers(deps),
    ...imageHandlers(deps),
    ...configHandlers(deps),
    ...healthHandlers(deps),
  };
}
