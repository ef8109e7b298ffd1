import { connect } from 'node:net';
import WebSocket from 'ws';
import type { IncusTarget } from './types.ts';

/**
 * A websocket to a path of the API. Paused and without listeners: attach them, then `resume()`. Not `ws+unix:`, which cannot
 * carry every socket path.
 */
export function webSocket(target: IncusTarget, path: string): WebSocket {
  const socket = new WebSocket(`ws://incus${path}`, {
    perMessageDeflate: false,
    handshakeTimeout: 8000,
    createConnection: () => connect(target.socketPath),
  });
  socket.pause();
  return socket;
}

/** Resolves when it is open; rejects when it could not be opened. */
export function opened(socket: WebSocket): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}
