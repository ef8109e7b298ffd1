import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { Failure } from '../base/errors.ts';
import { abortFailure, codeOf, incusError } from './errors.ts';
import { startProcess } from './exec-process.ts';
import { api, type Http, header } from './http.ts';
import { number, object, optional, text } from './parse.ts';
import type { Method } from './types/connection.ts';
import type { FileStat, FileType, ReadFile } from './types/file.ts';

const DEFAULT_LIMIT = 16 * 1024 * 1024;
/** A read of a FIFO is answered never: so every request to the files of a container has an end. */
const DEFAULT_TIMEOUT = 30_000;
const RELEASE_LIMIT = 10_000;
const RELEASE_AGAIN = 200;

interface FileRequest {
  what: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  timeout?: number;
  signal?: AbortSignal;
}

type FileResponse = Dispatcher.ResponseData;

/** Sends it and gives the answer with its body unread; undefined when there is no such file. */
async function send<T>(
  http: Http,
  method: Method,
  name: string,
  path: string,
  o: FileRequest,
  use: (reply: FileResponse) => Promise<T>,
): Promise<T | undefined> {
  if (!path.startsWith('/')) throw new Failure('invalid', `${o.what} failed: the path is not absolute.`);
  const late = new AbortController();
  const milliseconds = o.timeout ?? DEFAULT_TIMEOUT;
  const timer = setTimeout(
    () => late.abort(new Failure('timeout', `${o.what} failed: no answer within ${milliseconds} ms.`)),
    milliseconds,
  );
  const signal = o.signal === undefined ? late.signal : AbortSignal.any([o.signal, late.signal]);
  try {
    const url = http.path(`${api('instances', name)}/files?path=${encodeURIComponent(path)}`);
    const reply = await http.raw(method, url, { ...o, signal });
    if (reply.statusCode < 400) return await use(reply);
    return await refused(reply, o.what);
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (signal.aborted) throw abortFailure(o.what, signal);
    throw broken(o.what, error);
  } finally {
    clearTimeout(timer);
  }
}

async function refused(reply: FileResponse, what: string): Promise<undefined> {
  const body = await reply.body.text();
  const json = object(body.startsWith('{') ? JSON.parse(body) : {});
  const why = text(json.error) || `HTTP status ${reply.statusCode}`;
  // "Instance not found" is a 404 as well, and no missing file.
  if (reply.statusCode === 404 && !/instance/i.test(why)) return undefined;
  throw incusError(what, number(json.error_code) || reply.statusCode, why);
}

function broken(what: string, error: unknown): Failure {
  return new Failure('invalid', `${what} failed: Incus broke off (${codeOf(error) ?? 'no code'}).`, {
    hint: 'Run a command that prints it.',
    cause: error,
  });
}

/** Undefined when there is none. Never follows a symlink. */
export function stat(http: Http, name: string, path: string, o: ReadFile = {}): Promise<FileStat | undefined> {
  const what = `Looking at ${path} in the container ${name}`;
  return send(http, 'HEAD', name, path, { ...o, what }, async reply => {
    await reply.body.dump();
    return {
      type: typeOf(reply),
      uid: Number(header(reply, 'x-incus-uid') ?? 0),
      gid: Number(header(reply, 'x-incus-gid') ?? 0),
      mode: Number.parseInt(header(reply, 'x-incus-mode') ?? '0', 8),
      ...optional('size', sizeOf(reply)),
      ...optional('modifiedMs', modifiedOf(reply)),
    };
  });
}

/** The names in a directory; undefined when there is none. Never follows a symlink. Fails with `invalid` for what is no directory. */
export async function list(http: Http, name: string, path: string, o: ReadFile = {}): Promise<string[] | undefined> {
  const what = `Listing ${path} in the container ${name}`;
  const data = await content(http, name, path, what, 'directory', o);
  if (data === undefined) return undefined;
  const { metadata } = object(JSON.parse(data.toString('utf8')));
  return Array.isArray(metadata) ? metadata.filter(entry => typeof entry === 'string') : [];
}

/** Content of a regular file; undefined when there is none. */
export async function read(http: Http, name: string, path: string, o: ReadFile = {}): Promise<Buffer | undefined> {
  const what = `Reading ${path} in the container ${name}`;
  // Incus reads as many bytes as their size says, which is none, or breaks off.
  if (/^\/(proc|sys)\//.test(path))
    throw new Failure('invalid', `${what} failed: files of the kernel cannot be read this way.`, {
      hint: 'Run a command that prints it.',
    });
  try {
    return await content(http, name, path, what, 'file', o);
  } catch (error) {
    if (error instanceof Failure && (error.kind === 'timeout' || error.kind === 'cancelled'))
      await releaseFifo(http, name, path);
    throw error;
  }
}

/**
 * A read that hangs at a FIFO goes on in Incus after the request is gone, and then the container cannot be shut down gracefully:
 * a writer that comes and goes ends it. Whether that succeeds changes nothing for who wanted to read.
 */
async function releaseFifo(http: Http, name: string, path: string): Promise<void> {
  const signal = AbortSignal.timeout(RELEASE_LIMIT);
  const script = 'if [ -p "$1" ] && [ ! -L "$1" ]; then : <>"$1"; fi';
  while (!signal.aborted) {
    try {
      const writer = await startProcess(http, name, ['/bin/sh', '-c', script, 'sh', path], { onStdout() {}, signal });
      signal.addEventListener('abort', () => writer.drop(), { once: true });
      await writer.result;
      return;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // Incus sometimes fails to start anything; in a container that is gone or stopped nothing has to be freed.
      if (error.kind !== 'unavailable') return;
    }
    await sleep(RELEASE_AGAIN);
  }
}

function content(
  http: Http,
  name: string,
  path: string,
  what: string,
  wanted: FileType,
  o: ReadFile,
): Promise<Buffer | undefined> {
  const limit = o.limit ?? DEFAULT_LIMIT;
  return send(http, 'GET', name, path, { ...o, what }, async reply => {
    const type = typeOf(reply);
    if (type !== wanted) {
      await reply.body.dump();
      throw new Failure('invalid', `${what} failed: it is a ${type}.`);
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of reply.body) {
      chunks.push(chunk);
      size += chunk.length;
      // Leaving the loop drops the connection.
      if (size > limit) throw new Failure('invalid', `${what} failed: it has more than the ${limit} bytes allowed.`);
    }
    return Buffer.concat(chunks);
  });
}

function typeOf(reply: FileResponse): FileType {
  const type = header(reply, 'x-incus-type');
  return type === 'directory' || type === 'symlink' ? type : 'file';
}

function sizeOf(reply: FileResponse): number | undefined {
  const length = header(reply, 'content-length');
  return length === undefined ? undefined : Number(length);
}

/** Go's way of writing a time: `2026-11-21 03:42:24 +0000 UTC`. */
function modifiedOf(reply: FileResponse): number | undefined {
  const found = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? \+0000 UTC$/.exec(
    header(reply, 'x-incus-modified') ?? '',
  );
  const time = found === null ? Number.NaN : Date.parse(`${found[1]}T${found[2]}Z`);
  return Number.isNaN(time) ? undefined : time;
}
