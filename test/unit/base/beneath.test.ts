import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { filesBeneath } from '../../../server/base/beneath.ts';

test('of a directory with very many names no more are read than are wanted', async t => {
  const root = await mkdtemp(join(tmpdir(), 'ia-beneath-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const names = Array.from({ length: 4000 }, (_, i) => `${i}`);
  for (let i = 0; i < names.length; i += 500)
    await Promise.all(names.slice(i, i + 500).map(name => writeFile(join(root, name), '')));
  const some = () => filesBeneath(root, [], { depth: 1, accept: () => true, limit: 10 });
  assert.equal((await some()).length, 10);
  const [few, all] = [await quickest(some), await quickest(() => readdir(root, { withFileTypes: true }))];
  assert.ok(few < all / 2, `${few} ms; all of them take ${all} ms`);
});

/** The least of some times that something takes (ms). */
async function quickest(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 7; i++) {
    const from = performance.now();
    await work();
    times.push(performance.now() - from);
  }
  return Math.min(...times);
}
