import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, isFailure, tempInstance, uniqueName, until } from '../support.ts';

test('files of a container', async t => {
  const incus = await connect(t);
  const name = await tempInstance(t, incus);
  const stat = (path: string) =>
    incus.exec(name, ['stat', '-c', '%a %u %g', path]).then(r => r.stdout.toString().trim());

  await t.test('written with mode and owner, read back, appended to, deleted', async () => {
    const path = '/home/code/a file?#&ü';
    await incus.writeFile(name, path, 'eins\n', { mode: 0o640, uid: 1000, gid: 1000 });
    assert.equal(await stat(path), '640 1000 1000');
    await incus.writeFile(name, path, 'zwei\n', { append: true });
    assert.equal((await incus.readFile(name, path))?.toString(), 'eins\nzwei\n');
    const { modifiedMs = 0, ...rest } = (await incus.statFile(name, path)) ?? {};
    assert.deepEqual(rest, { type: 'file', mode: 0o640, uid: 1000, gid: 1000, size: 10 });
    assert.ok(Math.abs(Date.now() - modifiedMs) < 60_000, `changed at ${modifiedMs}`);
    await incus.writeFile(name, path, Buffer.from([0, 255]));
    assert.deepEqual(await incus.readFile(name, path), Buffer.from([0, 255]));
    await incus.deleteFile(name, path);
    await incus.deleteFile(name, path);
    assert.equal(await incus.readFile(name, path), undefined);
    assert.equal(await incus.statFile(name, path), undefined);
  });

  await t.test('the default mode is 0644, that of a directory 0755', async () => {
    await incus.makeDirectory(name, '/root/d');
    await incus.makeDirectory(name, '/root/d');
    await incus.writeFile(name, '/root/d/f', '');
    assert.equal(await stat('/root/d'), '755 0 0');
    assert.equal(await stat('/root/d/f'), '644 0 0');
    assert.equal((await incus.statFile(name, '/root/d'))?.type, 'directory');
    await assert.rejects(incus.readFile(name, '/root/d'), isFailure('invalid', /directory/));
    await assert.rejects(incus.writeFile(name, '/root/none/f', ''), isFailure('not-found'));
    await assert.rejects(incus.writeFile(name, '/root/none', '', { append: true }), isFailure('not-found'));
  });

  await t.test('a symlink is not followed', async () => {
    await incus.exec(name, ['ln', '-s', '/etc/hostname', '/root/link']);
    assert.equal((await incus.statFile(name, '/root/link'))?.type, 'symlink');
    await assert.rejects(incus.readFile(name, '/root/link'), isFailure('invalid', /symlink/));
    await incus.exec(name, ['ln', '-s', '/etc', '/root/etc']);
    await assert.rejects(incus.listDirectory(name, '/root/etc'), isFailure('invalid', /symlink/));
    const names = (await incus.listDirectory(name, '/root')) ?? [];
    assert.ok(names.includes('link') && names.includes('etc'), names.join());
    assert.equal(await incus.listDirectory(name, '/root/none'), undefined);
  });

  await t.test('a FIFO, a file of /proc and a large file end in an error, not in waiting', async () => {
    await incus.exec(name, ['mkfifo', '/root/fifo']);
    await assert.rejects(incus.readFile(name, '/root/fifo', { timeout: 500 }), isFailure('timeout'));
    await assert.rejects(
      incus.readFile(name, '/root/fifo', { signal: AbortSignal.timeout(200) }),
      isFailure('cancelled'),
    );
    await assert.rejects(incus.readFile(name, '/proc/self/environ'), isFailure('invalid'));
    await incus.exec(name, ['truncate', '-s', '100M', '/root/large']);
    await assert.rejects(incus.readFile(name, '/root/large', { limit: 1000 }), isFailure('invalid', /1000 bytes/));
    assert.ok(await incus.readFile(name, '/etc/passwd'), 'the next read works');
  });

  await t.test('no instance is not the same as no file', async () => {
    await assert.rejects(incus.readFile(uniqueName(), '/etc/hostname'), isFailure('not-found'));
    await assert.rejects(incus.readFile(name, 'etc/hostname'), isFailure('invalid'));
  });

  await t.test('a read that hangs does not keep the container from stopping', async () => {
    await assert.rejects(incus.readFile(name, '/root/fifo', { timeout: 300 }), isFailure('timeout'));
    await until(
      'systemd is up',
      async () => (await incus.exec(name, ['pidof', 'systemd-logind'])).exitCode === 0,
      60_000,
    );
    await incus.setState(name, 'stop', { timeout: 20 });
    assert.ok((await incus.readFile(name, '/etc/passwd')) !== undefined, 'read while stopped');
  });
});
