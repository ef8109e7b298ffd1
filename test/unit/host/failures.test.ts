import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { failedTwice, failures, failuresAtEnd } from '../../host/failures.mjs';

/** The report of Node's own runner on these tests. */
async function reportOf(t: TestContext, tests: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ia-failures-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'a.test.mjs');
  await writeFile(file, `import { describe, it, test } from 'node:test';\n${tests}`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], { encoding: 'utf8', env }).stdout;
}

test('what failed is told with its error and its place, and not what contains it', async t => {
  const report = await reportOf(
    t,
    `describe('outer', () => { it('inner', () => { throw new Error('one\\n\\ntwo'); }); it('fine', () => {}); });
     test('own', async t => { await t.test('deep', () => { throw new Error('short'); }); throw new Error('after'); });`,
  );
  const told = failures(report);
  assert.equal(told.length, 3, report);
  assert.match(told[0] ?? '', /^inner {2}\(.*a\.test\.mjs:2:\d+\)\n {2}one\n {2}two$/);
  assert.match(told[1] ?? '', /^deep {2}\(.*\)\n {2}short$/);
  assert.match(told[2] ?? '', /^own {2}\(.*\)\n {2}after$/);
});

test('a file that fails as a whole is told, and a report without failures tells nothing', async t => {
  assert.match(failures(await reportOf(t, 'process.exit(3);')).join(), /a\.test\.mjs/);
  assert.deepEqual(failures(await reportOf(t, "test('fine', () => {});")), []);
  assert.deepEqual(failures(''), []);
});

test('a test has failed that failed in both runs, whatever it said', async t => {
  const told = async (wrong: string[]) => {
    const one = (name: string) =>
      `test('${name}', () => { if (${wrong.includes(name)}) throw new Error('${wrong}'); });`;
    const all = failures(await reportOf(t, ['a', 'b'].map(one).join('\n')));
    return all.map(text => text.replace(/\(.*\/(a\.test.*)\)/, '($1)')); // as if they were of one file
  };
  const names = async (first: string[], second: string[]) =>
    failedTwice(await told(first), await told(second)).map(text => text[0]);
  assert.deepEqual(await names(['a'], ['b']), []);
  assert.deepEqual(await names(['a', 'b'], ['b']), ['b']);
});

test('of very many failures the first are told', () => {
  const lines = failuresAtEnd(Array.from({ length: 30 }, (_, index) => `test ${index}`)).split('\n');
  assert.equal(lines.length, 21);
  assert.equal(lines.at(-1), '  … and 10 more');
});
