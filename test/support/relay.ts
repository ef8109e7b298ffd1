import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Listens where containers can reach it, on the host's address of their bridge, and passes everything on to a port of the loopback. */
export async function relayToContainers(port: number): Promise<{ close(): void; url: string }> {
  const { stdout } = await run('incus', ['network', 'get', 'incusbr0', 'ipv4.address']);
  const host = stdout.trim().split('/')[0] ?? '';
  const open = new Set<Socket>();
  const server = createServer(incoming => {
    const outgoing = connect(port, '127.0.0.1');
    incoming.pipe(outgoing).pipe(incoming);
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>(resolve => server.listen(0, host, resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const close = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { close, url: `http://${host}:${address.port}` };
}
