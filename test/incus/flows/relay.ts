import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** A unix socket between a backend and Incus that can be cut and mended, and that counts what the backend asks. */
export class Relay {
  readonly path: string;
  /** Requests that went through: method and path. */
  readonly requests: string[] = [];
  /** Everything is cut when a request like this one comes, which is not passed on any more. */
  cutAt: RegExp | undefined;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(directory: string, target: string) {
    this.path = join(directory, 'relay.socket');
    this.#target = target;
  }

  async open(): Promise<void> {
    await rm(this.path, { force: true });
    const server = createServer(socket => this.#join(socket));
    server.listen(this.path);
    await once(server, 'listening');
    this.#server = server;
  }

  /** Ends what is connected and takes the socket away, as a daemon that stops does. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server === undefined) return;
    server.close();
    await once(server, 'close');
  }

  #join(near: Socket): void {
    const far = createConnection(this.#target);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', chunk => {
      const lines = chunk.toString('latin1').matchAll(/^([A-Z]+) (\/\S*) HTTP\/1\.1\r$/gm);
      for (const [, method, path] of lines) {
        const line = `${method} ${path}`;
        this.requests.push(line);
        if (this.cutAt?.test(line) === true) void this.cut();
      }
    });
    near.pipe(far).pipe(near);
  }
}
