import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../../server/base/log.ts';
import { Serial } from '../../../server/base/serial.ts';
import { BuildLog } from '../../../server/images/build-log.ts';
import { noteBuild } from '../../../server/images/meta.ts';
import type { Progress } from '../../../server/protocol/types.ts';

async function home(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ia-home-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test('output becomes whole lines, in the file, in progress and in the tail, without control characters', async t => {
  const seen: Progress[] = [];
  const log = new BuildLog(await home(t), 'a/b', p => seen.push(p));
  log.phase('packages', 'Installing', 10);
  log.output(Buffer.from('one\ntw'));
  log.output(Buffer.from('o\r\n\u001b[31mred\u001b[0m\u0007\n\n'));
  log.output(Buffer.from('no end'));
  assert.deepEqual(log.tail(), ['one', 'two', 'red', 'no end']);
  log.close();
  assert.equal(seen[0]?.phase, 'packages');
  assert.equal(seen.map(p => p.log ?? '').join('|'), '|one|two\nred|no end');
  assert.match(await readFile(log.path, 'utf8'), /packages: Installing\none\ntwo\nred\nno end\n$/);
  assert.equal((await stat(log.path)).mode & 0o777, 0o600);
});

test('image-meta.json keeps what others wrote, also beside another build, and fails no build', async t => {
  const path = await home(t);
  const warnings: string[] = [];
  const deps = {
    home: path,
    serial: new Serial(),
    log: { ...silentLog, warn: (text: string) => void warnings.push(text) },
  };
  const meta = { built_at: '2026-01-02T03:04:05Z', base_image: 'b' };
  await Promise.all([noteBuild(deps, 'one', meta), noteBuild(deps, 'two', { ...meta, base_image: 'c' })]);
  const file = join(path, '.coi', 'image-meta.json');
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { one: meta, two: { ...meta, base_image: 'c' } });
  await writeFile(file, '{broken');
  await noteBuild(deps, 'three', meta);
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { three: meta });
  assert.match(warnings.splice(0).join(), /is no JSON/);
  await rm(file);
  await mkdir(file);
  await noteBuild(deps, 'four', meta);
  assert.match(warnings.join(), /The image four was built; noting that failed: EISDIR/);
});
