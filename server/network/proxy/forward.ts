import { type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { Refusal } from './dial.ts';

/** Headers that are between two neighbours only (RFC 9110 §7.6.1), and how a body is cut up, which Node does anew on each side. */
const HOP: ReadonlySet<string> = new Set([
  ...['connection', 'proxy-connection', 'keep-alive', 'te', 'trailer', 'upgrade', 'transfer-encoding'],
  ...['proxy-authorization', 'proxy-authenticate', 'proxy-authentication-info'],
]);

/** As `HOP`, but for the body of a request: without its length only this says that there is one. */
const REQUEST_HOP: ReadonlySet<string> = new Set([...HOP].filter(name => name !== 'transfer-encoding'));

/**
 * Sends a request on over a connection to its host, and the answer back; settles when that is through, or its client gone. The host's answer is
 * hostile. Fails with `Refusal` where there is none that can be passed on; nothing has been said to the client then.
 */
export async function forward(from: IncomingMessage, to: ServerResponse, socket: Socket, url: URL): Promise<void> {
  try {
    const reply = await answerTo(from, to, socket, url);
    to.writeHead(statusOf(reply), endToEnd(reply.headers, HOP));
    await pipeline(reply, to);
  } catch (error) {
    if (to.headersSent || to.destroyed) to.destroy();
    else
      throw error instanceof Refusal ? error : new Refusal(false, `${url.host} gave no answer that can be passed on.`);
  } finally {
    socket.destroy();
  }
}

function answerTo(from: IncomingMessage, to: ServerResponse, socket: Socket, url: URL): Promise<IncomingMessage> {
  return new Promise((done, fail) => {
    const asked = request({
      createConnection: () => socket,
      method: from.method ?? 'GET',
      path: url.pathname + url.search,
      headers: { ...endToEnd(from.headers, REQUEST_HOP), host: url.host, connection: 'close' },
    });
    asked.on('response', done).on('error', fail);
    // As after an answer with another protocol, which is no error to Node.
    asked.on('close', () => fail(new Refusal(false, `${url.host} gave no answer.`)));
    to.on('close', () => asked.destroy());
    from.pipe(asked);
  });
}

function statusOf({ statusCode = 0 }: IncomingMessage): number {
  if (statusCode >= 200 && statusCode <= 599) return statusCode;
  throw new Refusal(false, `The answer's status is ${statusCode}.`);
}

function endToEnd(headers: IncomingHttpHeaders, hop: ReadonlySet<string>): IncomingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map(name => name.trim().toLowerCase());
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hop.has(name) && !named.includes(name)));
}
