import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { added, leftSince, look, ofTests, otherTests } from '../../host/leftovers.mjs';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ia-left-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a file and a process that stay are named; what goes by itself is not, nor what was there before', async t => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'old'), '');
  const before = look(folder);
  mkdirSync(join(folder, 'new'));
  writeFileSync(join(folder, 'short'), '');
  const child = spawn('sleep', ['60'], { env: { HOME: join(folder, 'home') } });
  t.after(async () => {
    child.kill();
    await once(child, 'exit');
  });
  const looked = leftSince(before, folder, 1000);
  rmSync(join(folder, 'short'));
  const own = (await looked).filter(line => line.includes(folder) || line.includes('sleep'));
  assert.deepEqual(own, [`temporary file ${folder}/new`, `process ${child.pid} sleep 60`]);
});

test('ends of a cable that belong to no container are named', { skip: process.getuid?.() !== 0 }, async t => {
  const folder = folderOf(t);
  const before = look(folder);
  const name = `iaul${process.pid % 1e6}`;
  execFileSync('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`]);
  t.after(() => execFileSync('ip', ['link', 'delete', name]));
  const left = await leftSince(before, folder, 0);
  assert.deepEqual(
    left.filter(line => line.includes(name)),
    [`network interface ${name}`, `network interface ${name}p`],
  );
});

test('tests that run beside are seen, and what they may have left is not ours', t => {
  const folder = folderOf(t);
  const child = spawn('sh', ['-c', 'read x', 'sh', '--test'], { env: {} });
  t.after(() => void child.stdin.end());
  assert.ok(otherTests(folder));
  const before = look(folder);
  assert.ok(before.has('network interface'));
  assert.deepEqual([...ofTests(before).keys()], ['temporary file', 'process']);
});

test('of a kind that could not be looked at before, nothing is said', () => {
  const before = new Map([['instance', new Set(['a'])]]);
  const after = new Map([
    ['instance', new Set(['a', 'b'])],
    ['project', new Set(['default'])],
  ]);
  assert.deepEqual(added(before, after), ['instance b']);
});
