import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { failedFiles } from '../../host/failed-files.mjs';

const FILES = ['test/incus/a.test.ts', 'test/incus/b.test.ts', 'test/incus/c.test.ts'];
/** Two of them run the tests of one module. */
const TEXTS: Readonly<Record<string, string>> = {
  'test/incus/a.test.ts': "import { talks } from './shared.ts';",
  'test/incus/b.test.ts': "import { talks } from './shared.ts';",
  'test/incus/c.test.ts': "import { other } from './unshared.ts';",
};

async function failedOf(t: TestContext, places: readonly string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ia-tap-'));
  t.after(() => rm(folder, { recursive: true }));
  const entry = (place: string) =>
    `not ok 1 - a test\n  ---\n  duration_ms: 7\n  type: 'test'\n  location: '${place}:3:1'\n  ...\n`;
  const within = entry('/x/test/lib/steps.ts').replace(/^/gm, '    ');
  const whole = places.map(place => `# Subtest: a test\n${within.trimEnd()}\n${entry(place)}`).join('');
  await writeFile(join(folder, 'report.tap'), `TAP version 13\nok 1 - fine\n${whole}`);
  return failedFiles(join(folder, 'report.tap'), FILES, (file: string) => TEXTS[file] ?? '');
}

test('the files of failures are those where they are, and all that share the module where they are', async t => {
  assert.deepEqual(await failedOf(t, ['/x/test/incus/c.test.ts']), ['test/incus/c.test.ts']);
  assert.deepEqual(await failedOf(t, ['/x/test/incus/shared.ts', '/x/test/incus/c.test.ts']), FILES);
  assert.deepEqual(await failedOf(t, ['/x/test/incus/shared.ts']), FILES.slice(0, 2));
});

test('a failure that is nobody’s stands', async t => {
  assert.deepEqual(await failedOf(t, ['/x/test/incus/c.test.ts', '/x/node_modules/thing.js']), []);
});
