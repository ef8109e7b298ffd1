import { Failure, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { settledWithin } from './abort.ts';
import type { Http } from './http.ts';
import { get, moveAlias, remove } from './images.ts';
import { cancel, runOperation, wait } from './operations.ts';
import { optional, text } from './parse.ts';
import type { PublishImage } from './types/image.ts';
import type { OnProgress, Operation } from './types/operation.ts';

type Reporting = { signal?: AbortSignal; onProgress?: OnProgress };

/** Milliseconds that the undoing waits for the packing of an image, which cannot be cancelled. */
const UNDO_LIMIT = 180_000;

/** Makes an image of a stopped instance. The alias comes last, so that it never points at a half-made one. */
export async function publish(
  http: Http,
  log: Log,
  instance: string,
  request: PublishImage,
  o: Reporting = {},
): Promise<string> {
  const what = `Making an image of ${instance}`;
  const body = {
    source: { type: 'instance', name: instance },
    public: false,
    properties: request.properties ?? {},
    ...optional('compression_algorithm', request.compression),
  };
  const fingerprint = await make(http, log, body, what, o);
  if (request.alias === undefined) return fingerprint;
  try {
    await moveAlias(http, request.alias, fingerprint, optional('signal', o.signal));
  } catch (error) {
    await remove(http, fingerprint);
    throw error;
  }
  return fingerprint;
}

async function make(http: Http, log: Log, body: unknown, what: string, o: Reporting): Promise<string> {
  let started: string | undefined;
  try {
    const done = await runOperation(http, log, 'POST', '/1.0/images', {
      ...o,
      what,
      body,
      onStarted: path => {
        started = path;
      },
    });
    const fingerprint = text(done?.metadata.fingerprint);
    if (fingerprint === '') throw new Failure('internal', `${what} failed: Incus did not name the image.`);
    return fingerprint;
  } catch (error) {
    if (started !== undefined) await undo(http, log, started, what);
    throw error;
  }
}

/** After an abort: what could not be cancelled is deleted when it is done, unless the image was there before. */
async function undo(http: Http, log: Log, operation: string, what: string): Promise<void> {
  try {
    await cancel(http, operation);
    const end = wait(http, operation);
    if (!(await settledWithin(end, UNDO_LIMIT))) throw new Failure('timeout', `${operation} does not end.`);
    const done = await end.catch(() => undefined);
    if (done !== undefined && (await isNew(http, done))) await remove(http, text(done.metadata.fingerprint));
  } catch (error) {
    log.error(`${what}: what it left could not be removed: ${messageOf(error)}`);
  }
}

async function isNew(http: Http, operation: Operation): Promise<boolean> {
  const image = await get(http, text(operation.metadata.fingerprint));
  return image !== undefined && Date.parse(image.uploadedAt) >= Date.parse(operation.createdAt);
}
