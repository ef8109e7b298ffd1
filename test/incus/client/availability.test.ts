import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { silentLog } from '../../../server/base/log.ts';
import { Incus } from '../../../server/incus/client.ts';
import { findSocket } from '../../../server/incus/target.ts';
import { connect, isFailure, tempDirectory, uniqueName } from '../support.ts';

const run = promisify(execFile);

function at(t: TestContext, socketPath: string, project = 'default'): Incus {
  const incus = new Incus({ socketPath, project }, silentLog);
  t.after(() => incus.close());
  return incus;
}

test('whether Incus can be used', async t => {
  await t.test('ready, with its version and extensions', async u => {
    const incus = await connect(u);
    const server = await incus.server();
    assert.deepEqual(await incus.availability(), { status: 'ready', version: server.version });
    assert.match(server.version, /^\d+\.\d+/);
    assert.ok(server.has('network_acl') && !server.has('no_such_extension'));
    assert.equal(await incus.server(), server, 'asked once per connection');
  });

  await t.test('a socket that is not there is not-running, and says how to start it', async u => {
    const path = join(await tempDirectory(u), 'unix.socket');
    const incus = at(u, path);
    const state = await incus.availability();
    assert.equal(state.reason, 'not-running');
    assert.match(state.message ?? '', /systemctl start incus/);
    await assert.rejects(incus.instances(), isFailure('unavailable'));
    await assert.rejects(incus.exec('x', ['true']), isFailure('unavailable'));
    const reason = await new Promise<string>(resolve => {
      const events = incus.events({ onOpen() {}, onEvent() {}, onClose: resolve });
      u.after(() => events.close());
    });
    assert.match(reason, /ENOENT/);
  });

  await t.test('something else that listens there is not Incus', async u => {
    const path = join(await tempDirectory(u), 'unix.socket');
    const server = createServer(socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'));
    await new Promise<void>(resolve => void server.listen(path, resolve));
    u.after(() => void server.close());
    await assert.rejects(at(u, path).instances(), isFailure('internal', /not Incus/));
    assert.equal((await at(u, path).availability()).status, 'unavailable');
  });

  await t.test('a daemon that answers never is left on abort, and on close', async u => {
    const path = join(await tempDirectory(u), 'unix.socket');
    const server = createServer(socket => socket.on('error', () => {}));
    await new Promise<void>(resolve => void server.listen(path, resolve));
    u.after(() => void server.close());
    const incus = at(u, path);
    for (const ask of [
      (signal: AbortSignal) => incus.instances(signal),
      (signal: AbortSignal) => incus.server(signal),
      (signal: AbortSignal) => incus.exec('x', ['true'], { signal }),
      (signal: AbortSignal) => incus.readFile('x', '/x', { signal }),
      (signal: AbortSignal) => incus.setState('x', 'stop', { signal }),
    ])
      await assert.rejects(ask(AbortSignal.timeout(50)), isFailure('cancelled'));
    const pending = assert.rejects(incus.instances(), isFailure('cancelled'));
    await incus.close();
    await pending;
  });

  await t.test('a project that does not exist', async u => {
    const state = await at(u, await findSocket(), uniqueName()).availability();
    assert.equal(state.reason, 'no-project');
    assert.match(state.fix ?? '', /^incus project create [\w-]+$/);
    assert.ok(state.message?.includes(state.fix ?? ' none'));
    const odd = await at(u, await findSocket(), "no; project's").availability();
    assert.equal(odd.fix, "incus project create 'no; project'\\''s'");
  });

  await t.test('a user who may not use the socket', { skip: process.getuid?.() !== 0 && 'needs root' }, async u => {
    // A file that any user can read, as the sources may lie where only their owner can go.
    const directory = await tempDirectory(u);
    await run('chmod', ['0755', directory]);
    await mkdir(join(directory, 'out'));
    const entry = join(directory, 'entry.ts');
    const client = new URL('../../../server/incus/client.ts', import.meta.url).pathname;
    await writeFile(
      entry,
      `import { Incus } from ${JSON.stringify(client)};
const log = { debug() {}, info() {}, warn() {}, error() {} };
const incus = new Incus({ socketPath: ${JSON.stringify(await findSocket())}, project: 'default' }, log);
const kind = await incus.instances().then(() => 'none', error => error.kind);
console.log(JSON.stringify({ kind, state: await incus.availability() }));
await incus.close();
`,
    );
    const bundle = join(directory, 'bundle.mjs');
    const { build } = await import('esbuild');
    await build({
      entryPoints: [entry],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
      mainFields: ['module', 'main'],
      nodePaths: [new URL('../../../node_modules', import.meta.url).pathname],
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    });
    await run('chmod', ['0644', bundle]);
    const node = await readableNode(directory);
    const { stdout } = await run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', node, bundle], {
      cwd: '/',
    });
    const { kind, state } = JSON.parse(stdout);
    assert.equal(kind, 'permission');
    assert.equal(state.reason, 'no-permission');
    assert.match(state.message, /usermod -aG incus-admin/);
  });
});

/** This Node, where any user can run it. */
async function readableNode(directory: string): Promise<string> {
  const node = join(directory, 'node');
  await run('cp', [process.execPath, node]);
  await run('chmod', ['0755', node]);
  return node;
}
