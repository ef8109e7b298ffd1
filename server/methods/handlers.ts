import type { RequestContext } from '../flows/context.ts';
import type { Method, ResultOf } from '../protocol/methods.ts';

/**
 * One handler per method. Parameters arrive as the client sent them (an object, or {} when it sent none): each
 * handler validates its own. What it throws is told to the client: a Failure as it is, anything else as `internal`.
 */
export type Handlers = {
  [M in Method]?: (params: unknown, context: RequestContext) => Promise<ResultOf<M>>;
};
