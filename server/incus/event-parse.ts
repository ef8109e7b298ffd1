import { parseOperation } from './operation-parse.ts';
import { object, optional, text } from './parse.ts';
import type { IncusEvent, LifecycleEvent } from './types/event.ts';

/** One message of the event stream; undefined for what nobody here wants: other types, other files' traffic, broken JSON. */
export function parseEvent(json: string): IncusEvent | undefined {
  const event = parsed(json);
  const common = { timestamp: text(event.timestamp), project: text(event.project) };
  if (event.type === 'operation') return { type: 'operation', ...common, operation: parseOperation(event.metadata) };
  if (event.type !== 'lifecycle') return undefined;
  const lifecycle = parseLifecycle(object(event.metadata), common);
  // Each reading and writing of a file through the API makes one.
  return lifecycle.action.startsWith('instance-file-') ? undefined : lifecycle;
}

function parseLifecycle(
  metadata: Readonly<Record<string, unknown>>,
  common: { timestamp: string; project: string },
): LifecycleEvent {
  const source = text(metadata.source).split('?')[0] ?? '';
  const requestor = object(metadata.requestor);
  const by = { username: text(requestor.username), protocol: text(requestor.protocol) };
  return {
    type: 'lifecycle',
    ...common,
    action: text(metadata.action),
    source,
    context: object(metadata.context),
    ...optional('instance', instanceOf(source)),
    ...optional('requestor', metadata.requestor ? by : undefined),
  };
}

function instanceOf(source: string): string | undefined {
  const name = /^\/1\.0\/instances\/([^/]+)/.exec(source)?.[1];
  return name === undefined ? undefined : decodeURIComponent(name);
}

function parsed(json: string): Readonly<Record<string, unknown>> {
  try {
    return object(JSON.parse(json));
  } catch {
    // A broken message says nothing that the next listing would not.
    return {};
  }
}
