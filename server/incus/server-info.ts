import { abortable } from './abort.ts';
import type { Http } from './http.ts';
import { object, stringMap, text, texts } from './parse.ts';
import type { ServerInfo } from './types/connection.ts';

const WHAT = 'Asking Incus for its version';

/** `GET /1.0`, remembered until the connection breaks. Callers share one request, so an abort only leaves it. */
export function serverInfo(http: Http, signal?: AbortSignal): Promise<ServerInfo> {
  return abortable(http.info ?? start(http), WHAT, signal);
}

function start(http: Http): Promise<ServerInfo> {
  const info = read(http);
  http.info = info;
  info.catch(() => {
    if (http.info === info) http.info = undefined;
  });
  return info;
}

async function read(http: Http): Promise<ServerInfo> {
  const metadata = object((await http.request('GET', '/1.0', undefined, { what: WHAT })).metadata);
  const environment = object(metadata.environment);
  const extensions: ReadonlySet<string> = new Set(texts(metadata.api_extensions));
  return {
    version: text(environment.server_version),
    extensions,
    has: extension => extensions.has(extension),
    auth: text(metadata.auth),
    config: stringMap(metadata.config),
    environment,
  };
}
