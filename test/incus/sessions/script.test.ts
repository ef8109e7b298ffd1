import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { coiName, incusCli } from '../flows/support.ts';
import { testImage } from '../support.ts';
import { makeDesk } from './support.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');

test('the script of the README has a real agent work without a terminal, and shows its screen', {
  skip: process.getuid?.() !== 0,
}, async t => {
  const desk = await makeDesk('[network]\nmode = "open"\n');
  t.after(() => desk.close());
  const { home, incus } = desk.lab;
  const config = join(home, '.coi/config.toml');
  await writeFile(config, `[container]\nimage = "${await testImage(incus)}"\n${await readFile(config, 'utf8')}`);
  const [, script = ''] =
    /```js\n(\/\/ node ask\.mjs[\s\S]*?)```/.exec(await readFile(join(ROOT, 'README.md'), 'utf8')) ?? [];
  // Where its import finds the library, and out of the way.
  const directory = join(ROOT, 'node_modules/.cache/readme');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'ask.mjs'), script);
  const workspace = await desk.workspace();
  const args = [join(directory, 'ask.mjs'), join(ROOT, 'server/main.ts'), workspace, 'codex', 'what the script asks'];
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, HOME: home }, timeout: 120_000 });
  assert.match(stdout, /what the script asks[\s\S]*stand-in answer to/);
  assert.equal((await incusCli('list', coiName(workspace, 1), '-f', 'csv', '-c', 's')).trim(), 'RUNNING');
});
