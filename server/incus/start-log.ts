import { IncusError } from './errors.ts';
import { api, type Http } from './http.ts';
import { optional } from './parse.ts';

/** Characters of the end of the log that are kept. */
const KEPT = 4000;
const LIMIT = 5000;

/**
 * Incus says of a failed start only that it failed. The reasons are in the log of LXC, which goes away with the instance: the end of
 * it becomes the error's detail. Any other error is given back as it is.
 */
export async function withStartLog(http: Http, name: string, error: unknown): Promise<unknown> {
  if (!(error instanceof IncusError) || error.reason !== 'start-failed') return error;
  const detail = await startLog(http, name);
  return new IncusError(error.kind, `The container ${name} could not be started.`, {
    status: error.status,
    reason: error.reason,
    detail: detail ?? error.message,
    ...optional('operation', error.operation),
    ...optional('hint', error.hint),
  });
}

async function startLog(http: Http, name: string): Promise<string | undefined> {
  const path = http.path(`${api('instances', name)}/logs/lxc.log`);
  try {
    const reply = await http.raw('GET', path, {
      what: `Reading the log of ${name}`,
      signal: AbortSignal.timeout(LIMIT),
    });
    const text = await reply.body.text();
    return reply.statusCode === 200 && text.trim() !== '' ? text.slice(-KEPT) : undefined;
  } catch {
    // Only a help to understand the failure that is reported anyway.
    return undefined;
  }
}
