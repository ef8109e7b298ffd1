import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../../server/base/log.ts';
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

test('image-meta.json keeps what others wrote, and a broken one does not fail a build', async t => {
  const path = await home(t);
  const meta = { built_at: '2026-01-02T03:04:05Z', base_image: 'b' };
  await noteBuild(path, 'one', meta, silentLog);
  await noteBuild(path, 'two', { ...meta, base_image: 'c' }, silentLog);
  const file = join(path, '.coi', 'image-meta.json');
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { one: meta, two: { ...meta, base_image: 'c' } });
  await writeFile(file, '{broken');
  await noteBuild(path, 'three', meta, silentLog);
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { three: meta });
});
