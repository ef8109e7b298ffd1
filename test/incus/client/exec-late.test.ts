import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../../server/base/log.ts';
import { Incus } from '../../../server/incus/client.ts';
import { findSocket } from '../../../server/incus/target.ts';
import { connect, tempDirectory, tempInstance, until } from '../support.ts';

/** A way to Incus on which the sockets of the first command are served only when Incus has given it up. */
async function lateFor(t: TestContext, admin: Incus): Promise<{ incus: Incus; held(): number }> {
  const path = join(await tempDirectory(t), 'incus.socket');
  const real = await findSocket();
  let first: string | undefined;
  let held = 0;
  const givenUp = async (operation: string) => {
    const { metadata } = await admin.request('GET', operation, undefined);
    return (metadata as { status?: string }).status === 'Failure';
  };
  const serve = async (near: Socket) => {
    const [begin] = (await once(near, 'data')) as [Buffer];
    near.pause();
    const operation = /^GET (\S+)\/websocket/.exec(begin.toString('latin1'))?.[1];
    first ??= operation;
    if (operation !== undefined && operation === first) {
      held += 1;
      await until('Incus to give the command up', () => givenUp(operation));
    }
    const far = createConnection(real);
    far.write(begin);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on('close', () => other.destroy()).on('error', () => other.destroy());
    near.pipe(far).pipe(near);
  };
  const server = createServer(near => void serve(near).catch(() => near.destroy()));
  server.listen(path);
  await once(server, 'listening');
  const incus = new Incus({ socketPath: path, project: 'default' }, silentLog);
  t.after(async () => {
    await incus.close();
    server.close();
  });
  return { incus, held: () => held };
}

test('a command that Incus gave up, as its sockets came late, is run all the same, and once', async t => {
  const admin = await connect(t);
  const name = await tempInstance(t, admin);
  await until('commands to run', async () => (await admin.exec(name, ['true'])).exitCode === 0);
  const { incus, held } = await lateFor(t, admin);
  const { stdout } = await incus.exec(name, ['sh', '-c', 'echo ran >>/var/tmp/runs; cat /var/tmp/runs']);
  assert.equal(stdout.toString(), 'ran\n');
  assert.equal(held(), 4);
});
