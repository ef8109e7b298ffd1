import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstat, mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tarball } from '../../../server/guest/tar.ts';

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

test('GNU tar unpacks names of any length and script, modes, links and bytes', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'ia-tar-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const long = `deep/${'x'.repeat(120)}/${'y'.repeat(200)}.json`;
  const edges = [96, 97, 98, 99, 100, 101].map(n => 'e'.repeat(n));
  const bytes = new Uint8Array(1024).map((_, i) => i % 256);
  const archive = tarball([
    { ...owner, path: '/dir', type: 'dir', mode: 0o700 },
    { ...owner, path: '/dir/ünï — 日本.txt', content: 'grüße\n', mode: 0o640 },
    { ...owner, path: long, content: 'long', mode: 0o600 },
    { ...owner, path: 'dir/-a \'b"', content: bytes, mode: 0o755 },
    { ...owner, path: 'dir/empty', mode: 0o600 },
    { ...owner, path: 'dir/link', type: 'symlink', content: `/target/${'z'.repeat(150)}`, mode: 0o777 },
    ...edges.map(path => ({ ...owner, path, content: path, mode: 0o600 })),
  ]);
  execFileSync('tar', ['-xpf', '-', '-C', dir], { input: archive, stdio: ['pipe', 'inherit', 'pipe'] });
  assert.equal(await readFile(`${dir}/dir/ünï — 日本.txt`, 'utf8'), 'grüße\n');
  assert.equal((await lstat(`${dir}/dir/ünï — 日本.txt`)).mode & 0o7777, 0o640);
  assert.equal((await lstat(`${dir}/dir`)).mode & 0o7777, 0o700);
  assert.equal(await readFile(join(dir, long), 'utf8'), 'long');
  assert.deepEqual(new Uint8Array(await readFile(`${dir}/dir/-a 'b"`)), bytes);
  assert.equal((await lstat(`${dir}/dir/empty`)).size, 0);
  assert.equal(await readlink(`${dir}/dir/link`), `/target/${'z'.repeat(150)}`);
  for (const name of edges) assert.equal(await readFile(join(dir, name), 'utf8'), name);
});

test('the owner is in the archive by number', () => {
  const list = execFileSync('tar', ['-tvf', '-', '--numeric-owner'], {
    input: tarball([{ path: 'a', content: 'x', mode: 0o600, uid: 1000, gid: 65534 }]),
  });
  assert.match(list.toString(), /^-rw------- 1000\/65534/);
});
