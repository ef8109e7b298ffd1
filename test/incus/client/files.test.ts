import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, isFailure, tempInstance, uniqueName, until } from '../support.ts';

test('files of a container', async t => {
  const incus = await connect(t);
  const name = await tempInstance(t, incus);
  const shell = (script: string, ...words: string[]) => incus.exec(name, ['sh', '-ec', script, 'sh', ...words]);

  await t.test('are read, and looked at, whatever their names and their bytes are', async () => {
    const path = '/home/code/a file?#&ü';
    await shell('printf "eins\\nzwei\\n" >"$1"; chmod 640 "$1"; chown 1000:1000 "$1"', path);
    assert.equal((await incus.readFile(name, path))?.toString(), 'eins\nzwei\n');
    const { modifiedMs = 0, ...rest } = (await incus.statFile(name, path)) ?? {};
    assert.deepEqual(rest, { type: 'file', mode: 0o640, uid: 1000, gid: 1000, size: 10 });
    assert.ok(Math.abs(Date.now() - modifiedMs) < 60_000, `changed at ${modifiedMs}`);
    await shell('printf "\\000\\377" >"$1"', path);
    assert.deepEqual(await incus.readFile(name, path), Buffer.from([0, 255]));
    await shell('rm "$1"', path);
    assert.equal(await incus.readFile(name, path), undefined);
    assert.equal(await incus.statFile(name, path), undefined);
  });

  await t.test('a directory is none', async () => {
    assert.equal((await incus.statFile(name, '/srv'))?.type, 'directory');
    await assert.rejects(incus.readFile(name, '/srv'), isFailure('invalid', /directory/));
  });

  await t.test('a symlink is not followed', async () => {
    await incus.exec(name, ['ln', '-s', '/etc/hostname', '/srv/link']);
    assert.equal((await incus.statFile(name, '/srv/link'))?.type, 'symlink');
    await assert.rejects(incus.readFile(name, '/srv/link'), isFailure('invalid', /symlink/));
    await incus.exec(name, ['ln', '-s', '/etc', '/srv/etc']);
    await assert.rejects(incus.listDirectory(name, '/srv/etc'), isFailure('invalid', /symlink/));
    const names = (await incus.listDirectory(name, '/srv')) ?? [];
    assert.ok(names.includes('link') && names.includes('etc'), names.join());
    assert.equal(await incus.listDirectory(name, '/srv/none'), undefined);
  });

  await t.test('a FIFO, a file of /proc and a large file end in an error, not in waiting', async () => {
    await incus.exec(name, ['mkfifo', '/srv/fifo']);
    await assert.rejects(incus.readFile(name, '/srv/fifo', { timeout: 500 }), isFailure('timeout'));
    await assert.rejects(
      incus.readFile(name, '/srv/fifo', { signal: AbortSignal.timeout(200) }),
      isFailure('cancelled'),
    );
    await assert.rejects(incus.readFile(name, '/proc/self/environ'), isFailure('invalid'));
    await incus.exec(name, ['truncate', '-s', '100M', '/srv/large']);
    await assert.rejects(incus.readFile(name, '/srv/large', { limit: 1000 }), isFailure('invalid', /1000 bytes/));
    assert.ok(await incus.readFile(name, '/etc/passwd'), 'the next read works');
  });

  await t.test('no instance is not the same as no file', async () => {
    await assert.rejects(incus.readFile(uniqueName(), '/etc/hostname'), isFailure('not-found'));
    await assert.rejects(incus.readFile(name, 'etc/hostname'), isFailure('invalid'));
  });

  await t.test('a read that hangs does not keep the container from stopping', async () => {
    await assert.rejects(incus.readFile(name, '/srv/fifo', { timeout: 300 }), isFailure('timeout'));
    await until(
      'systemd is up',
      async () => (await incus.exec(name, ['pidof', 'systemd-logind'])).exitCode === 0,
      60_000,
    );
    await incus.setState(name, 'stop', { timeout: 90 });
    assert.ok((await incus.readFile(name, '/etc/passwd')) !== undefined, 'read while stopped');
  });
});
