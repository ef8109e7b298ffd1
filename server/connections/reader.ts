import type { Readable } from 'node:stream';
import {
  AbstractMessageReader,
  type DataCallback,
  Disposable,
  type Message,
  type MessageReader,
} from 'vscode-jsonrpc/node';
import { messageOf } from '../base/errors.ts';

const MAX_HEADER_BYTES = 4096;
const END_OF_HEADER = '\r\n\r\n';

/** One well-framed message that cannot be understood; the ones after it can. */
export class MalformedMessage extends Error {}

/**
 * Reads messages framed by Content-Length, none larger than `maxBytes`. The library's own reader would keep whatever
 * a peer announces, and would stay deaf after a broken header; this one gives up on the peer (error, then close).
 */
export class BoundedMessageReader extends AbstractMessageReader implements MessageReader {
  readonly #input: Readable;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #bodyLength: number | undefined;
  #broken = false;

  constructor(input: Readable, maxBytes: number) {
    super();
    this.#input = input;
    this.#maxBytes = maxBytes;
  }

  /** Starts reading; the callback gets one message after the other. */
  listen(callback: DataCallback): Disposable {
    const onData = (chunk: Buffer) => this.#take(chunk, callback);
    this.#input.on('data', onData);
    this.#input.on('error', error => this.fireError(error));
    this.#input.on('end', () => this.fireClose());
    this.#input.on('close', () => this.fireClose());
    return Disposable.create(() => this.#input.off('data', onData));
  }

  #take(chunk: Buffer, callback: DataCallback): void {
    if (this.#broken) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    try {
      for (;;) {
        const body = this.#next();
        if (body === undefined) return;
        this.#deliver(body, callback);
      }
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #next(): Buffer | undefined {
    this.#bodyLength ??= this.#readHeader();
    if (this.#bodyLength === undefined || this.#bytes < this.#bodyLength) return undefined;
    const body = this.#cut(this.#bodyLength);
    this.#bodyLength = undefined;
    return body;
  }

  #deliver(body: Buffer, callback: DataCallback): void {
    try {
      callback(asMessage(JSON.parse(body.toString('utf8'))));
    } catch (error) {
      // The library throws here as well, for a $/cancelRequest without an id.
      this.fireError(new MalformedMessage(messageOf(error)));
    }
  }

  #readHeader(): number | undefined {
    const start = this.#joined();
    const end = start.subarray(0, MAX_HEADER_BYTES).indexOf(END_OF_HEADER);
    if (end < 0) {
      if (this.#bytes > MAX_HEADER_BYTES) throw new Error('The header of a message has no end.');
      return undefined;
    }
    const header = this.#cut(end + END_OF_HEADER.length).toString('latin1');
    const length = Number(/^content-length:[ \t]*(\d{1,15})[ \t]*$/im.exec(header)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) throw new Error('A message has no Content-Length.');
    if (length > this.#maxBytes)
      throw new Error(`A message of ${length} bytes is larger than the ${this.#maxBytes} allowed.`);
    return length;
  }

  #cut(length: number): Buffer {
    const all = this.#joined();
    const rest = all.subarray(length);
    this.#chunks = rest.byteLength === 0 ? [] : [rest];
    this.#bytes = rest.byteLength;
    return all.subarray(0, length);
  }

  #joined(): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && this.#chunks.length === 1) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #giveUp(error: unknown): void {
    this.#broken = true;
    this.#chunks = [];
    this.#bytes = 0;
    this.fireError(error);
    this.fireClose();
    this.#input.destroy();
  }
}

/** A JSON value as a message, if it can be one at all; the library tells requests from responses itself. */
function asMessage(value: unknown): Message {
  if (typeof value !== 'object' || value === null || !('jsonrpc' in value) || value.jsonrpc !== '2.0')
    throw new Error('A message is not JSON-RPC 2.0.');
  return { ...value, jsonrpc: '2.0' };
}
