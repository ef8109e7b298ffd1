import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LastingSocket } from '../../../server/incus/lasting-socket.ts';

test('what was sent before the other side closed is read, though a write failed meanwhile', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'ia-test-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'socket');
  const server = createServer((socket: Socket) => {
    socket.write('the last words');
    socket.destroySoon();
  });
  await new Promise<void>(resolve => void server.listen(path, resolve));
  t.after(() => void server.close());

  const socket = new LastingSocket().connect(path);
  socket.pause();
  const [far] = await Promise.all([once(server, 'connection'), once(socket, 'connect')]);
  await once(far[0], 'close');
  await new Promise<void>(resolve => void socket.write('nobody hears this', () => resolve()));
  let read = '';
  socket.on('data', chunk => {
    read += chunk;
  });
  socket.resume();
  await once(socket, 'close');
  assert.equal(read, 'the last words');
});
