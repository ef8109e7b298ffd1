import { number, object, text, texts } from './parse.ts';
import type { Operation } from './types/operation.ts';

/** The first status code of those that mean "ended". */
const SUCCESS = 200;

/** An operation as Incus describes it in replies and events. */
export function parseOperation(value: unknown): Operation {
  const o = object(value);
  const statusCode = number(o.status_code);
  return {
    id: text(o.id),
    class: text(o.class),
    description: text(o.description),
    status: text(o.status),
    statusCode,
    finished: statusCode >= SUCCESS,
    createdAt: text(o.created_at),
    instances: texts(object(o.resources).instances).map(instanceOf),
    mayCancel: o.may_cancel === true,
    error: text(o.err),
    metadata: object(o.metadata),
  };
}

/** "/1.0/instances/x[?project=p]" → "x". */
function instanceOf(url: string): string {
  return decodeURIComponent(url.split('?')[0]?.split('/')[3] ?? '');
}
