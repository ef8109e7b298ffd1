import WebSocket from 'ws';
import { LastingSocket } from './lasting-socket.ts';
import type { IncusTarget } from './types/connection.ts';

/**
 * A websocket to a path of the API. Once open it is paused, so that no frame is lost: attach listeners, then `resume()`. Not `ws+unix:`, which cannot
 * carry every socket path.
 */
export function webSocket(target: IncusTarget, path: string): WebSocket {
  const socket = new WebSocket(`ws://incus${path}`, {
    perMessageDeflate: false,
    // Incus takes one new connection after the other, and one that says nothing can hold up the next for 10 s.
    handshakeTimeout: 30_000,
    createConnection: () => new LastingSocket().connect(target.socketPath),
  });
  // Before it is open, `pause` does nothing; the listener comes before any frame is read.
  socket.once('open', () => socket.pause());
  return socket;
}

/** Resolves when it is open; rejects when it could not be opened. */
export function opened(socket: WebSocket): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    // Stays: an error without a listener would end the process.
    socket.on('error', reject);
  });
}
