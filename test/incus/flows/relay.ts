import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/**
 * A unix socket between a backend and Incus that can be cut and mended, and that counts what the backend asks. What a backend asked before
 * its end is seen through: Incus may take its time to serve it, and does all the same.
 */
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

  /** Whether nobody is connected any more, and Incus has answered all that was asked. */
  get left(): boolean {
    return this.#sockets.size === 0;
  }

  #join(near: Socket): void {
    const far = createConnection(this.#target);
    let open = 0;
    const leave = () => {
      if (near.destroyed && open <= 0) far.destroy();
    };
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    }
    near.on('close', () => {
      leave();
      far.resume();
    });
    far.on('close', () => near.destroy());
    far.on('data', chunk => {
      open -= chunk.toString('latin1').match(/^HTTP\/1\.1 (101|[2-5]\d\d) /gm)?.length ?? 0;
      leave();
    });
    near.on('data', chunk => {
      const lines = chunk.toString('latin1').matchAll(/^([A-Z]+) (\/\S*) HTTP\/1\.1\r$/gm);
      for (const [, method, path] of lines) {
        const line = `${method} ${path}`;
        this.requests.push(line);
        open += 1;
        if (this.cutAt?.test(line) === true) void this.cut();
      }
    });
    near.pipe(far, { end: false });
    far.pipe(near);
  }
}
