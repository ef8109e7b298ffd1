import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Policy } from '../types.ts';
import { parseTarget, type Target } from './allowed.ts';
import { dial, Refusal, type Resolve, resolveOnHost } from './dial.ts';
import { forward } from './forward.ts';
import { readHello } from './sni.ts';

/** Connections of one slot at a time, and names of blocked hosts that are kept. */
const CONNECTIONS = 512;
const BLOCKED = 200;
/** Milliseconds until a client must have said what it wants. */
const PATIENCE = 30_000;

/** The name of the socket in a slot's directory. */
export const SOCKET = 'proxy';

/**
 * The way out of one slot: an HTTP proxy on a unix socket in a directory that only this slot sees, so the path says who asks. It knows
 * names, resolves them itself and looks at the name that TLS is asked for.
 */
export class SlotProxy {
  policy: Policy;
  readonly #log: Log;
  readonly #resolve: Resolve;
  readonly #closed: readonly string[];
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #blocked = new Map<string, number>();

  /** `closed`: networks into which no name may lead. */
  constructor(policy: Policy, log: Log, resolve: Resolve = resolveOnHost, closed: readonly string[] = []) {
    this.policy = policy;
    this.#log = log;
    this.#resolve = resolve;
    this.#closed = closed;
    this.#server = createServer({ headersTimeout: PATIENCE }, (from, to) => void this.#forward(from, to));
    this.#server.maxConnections = CONNECTIONS;
    this.#server.on('connection', socket => this.#keep(socket));
    this.#server.on('connect', (from, socket: Socket, head: Buffer) => void this.#tunnel(from, socket, head));
    this.#server.on('clientError', (_, socket) => socket.destroy());
  }

  /** Listens in the directory, which is made; takes the place of a proxy that was there. */
  async listen(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o755 });
    const path = join(directory, SOCKET);
    await rm(path, { force: true });
    await new Promise<void>((done, fail) => {
      this.#server.once('error', fail);
      this.#server.listen(path, done);
    });
    // Every user inside may use it; nobody else sees the directory.
    await chmod(path, 0o666);
  }

  /** What was asked for and refused by the policy, most frequent first. */
  blocked(): { host: string; count: number }[] {
    return [...this.#blocked].map(([host, count]) => ({ host, count })).sort((a, b) => b.count - a.count);
  }

  /** How many connections there are, on both sides. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Cuts every connection, as after a change of policy. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>(done => this.#server.close(() => done()));
  }

  async #tunnel(from: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    client.on('error', () => client.destroy());
    const target = parseTarget(from.url ?? '');
    try {
      if (target === undefined) throw new Refusal(true, 'This is no host and port.');
      const upstream = this.#keep(await dial(this.policy, target, this.#resolve, this.#closed));
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      // The server may speak first; the client is heard only after a look at the name that it gives.
      upstream.pipe(client);
      client.on('close', () => upstream.destroy());
      upstream.on('close', () => client.destroy());
      upstream.write(await this.#firstBytes(client, head, target));
      client.pipe(upstream);
    } catch (error) {
      this.#refused(target, error);
      const status = error instanceof Refusal && error.blocked ? '403 Forbidden' : '502 Bad Gateway';
      // Inside of a tunnel that has begun nothing can be said any more.
      if (client.bytesWritten > 0) client.destroy();
      else
        client.end(`HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${messageOf(error)}\n`);
    }
  }

  /** The beginning of what the client says, once it is sure that TLS is not asked for another name. */
  async #firstBytes(client: Socket, head: Buffer, target: Target): Promise<Buffer> {
    let data = head;
    for (;;) {
      const hello = readHello(data);
      if (hello.kind === 'other' || (hello.kind === 'tls' && (hello.name ?? target.host) === target.host)) return data;
      if (hello.kind === 'tls') throw new Refusal(true, `${hello.name} was asked for by way of ${target.host}.`);
      if (hello.kind === 'unsound') throw new Refusal(true, 'The beginning of TLS cannot be read.');
      data = Buffer.concat([data, await nextData(client)]);
    }
  }

  async #forward(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const url = URL.canParse(from.url ?? '') ? new URL(from.url ?? '') : undefined;
    const target = url?.protocol === 'http:' ? parseTarget(url.host, 80) : undefined;
    try {
      if (url === undefined || target === undefined) throw new Refusal(true, 'This is no address of the web.');
      await forward(from, to, this.#keep(await dial(this.policy, target, this.#resolve, this.#closed)), url);
    } catch (error) {
      this.#refused(target, error);
      if (to.destroyed) return;
      to.writeHead(error instanceof Refusal && error.blocked ? 403 : 502, { 'content-type': 'text/plain' });
      to.end(`${messageOf(error)}\n`);
    }
  }

  #refused(target: Target | undefined, error: unknown): void {
    if (!(error instanceof Refusal)) this.#log.warn(`A proxy failed: ${messageOf(error)}`);
    if (!(error instanceof Refusal && error.blocked) || target === undefined) return;
    const host = `${target.host}:${target.port}`;
    if (this.#blocked.size >= BLOCKED && !this.#blocked.has(host)) return;
    this.#blocked.set(host, (this.#blocked.get(host) ?? 0) + 1);
  }

  #keep<T extends Duplex>(socket: T): T {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    return socket;
  }
}

/** The next bytes. Fails when the client goes away. */
function nextData(socket: Socket): Promise<Buffer> {
  return new Promise((done, fail) => {
    const onData = (chunk: Buffer) => settle(() => done(chunk));
    const onEnd = () => settle(() => fail(new Refusal(false, 'The client went away.')));
    const settle = (then: () => void) => {
      socket.pause();
      socket.off('data', onData).off('close', onEnd).off('end', onEnd);
      then();
    };
    socket.on('data', onData).on('close', onEnd).on('end', onEnd);
  });
}
