import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { createMessageConnection } from 'vscode-jsonrpc/node';
import { initialize, STAND_IN, start, temporary, until } from './harness.ts';

test('in a bundle as well, stray output does not reach the protocol', async t => {
  const home = temporary(t);
  const bundle = join(home, 'server.mjs');
  await build({
    entryPoints: [STAND_IN],
    outfile: bundle,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    banner: { js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);" },
  });
  const { child, exited, stderr } = start(t, home, ['--stdio'], bundle);
  assert.ok(child.stdout && child.stdin);
  const raw: string[] = [];
  child.stdout.on('data', chunk => raw.push(String(chunk)));
  const rpc = createMessageConnection(child.stdout, child.stdin);
  rpc.onError(([error]) => assert.fail(error));
  rpc.listen();
  await initialize(rpc);
  for (let i = 0; i < 3; i += 1)
    assert.deepEqual(await rpc.sendRequest('slot/capture', { container: 'stray' }), { text: 'still there' });
  await until('it arrives elsewhere', () => stderr().match(/written by a library/g)?.length === 3);
  assert.match(stderr(), /a stray line/);
  assert.match(stderr(), /and another one/);
  assert.doesNotMatch(raw.join(''), /stray|another|library/);
  child.stdin.end();
  assert.equal(await exited, 0);
});
