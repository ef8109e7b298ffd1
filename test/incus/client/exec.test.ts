import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, isFailure, tempInstance, testImage, uniqueName, until } from '../support.ts';

test('exec', async t => {
  const incus = await connect(t);
  const name = await tempInstance(t, incus);

  await t.test('keeps stdout, stderr and the exit code apart', async () => {
    const result = await incus.exec(name, ['sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.equal(result.stdout.toString(), 'out\n');
    assert.equal(result.stderr.toString(), 'err\n');
    assert.equal(result.exitCode, 7);
    assert.equal(result.truncated, false);
  });

  await t.test('runs as the given user, in the directory, with the environment', async () => {
    const result = await incus.exec(name, ['sh', '-c', 'id -u; id -g; pwd; echo "$GREETING"'], {
      user: 1000,
      group: 1000,
      cwd: '/var/tmp',
      env: { GREETING: 'grüß "dich" $x' },
    });
    assert.equal(result.stdout.toString(), '1000\n1000\n/var/tmp\ngrüß "dich" $x\n');
  });

  await t.test('passes arguments untouched', async () => {
    const strange = ['', ' ', '$(id)', "it's", '"', '\\', 'ü\n2', '-n', '*'];
    const result = await incus.exec(name, ['printf', '%s|', ...strange]);
    assert.equal(result.stdout.toString(), strange.map(s => `${s}|`).join(''));
  });

  await t.test('gives every byte of a large stdin back', async () => {
    const data = Buffer.alloc(5_000_000, 'abcdefg\0\n');
    const result = await incus.exec(name, ['cat'], { stdin: data });
    assert.ok(result.stdout.equals(data));
  });

  await t.test('a command without stdin sees its end', async () => {
    assert.equal((await incus.exec(name, ['cat'])).exitCode, 0);
  });

  await t.test('a command that does not read its input ends all the same', async () => {
    const result = await incus.exec(name, ['true'], { stdin: Buffer.alloc(20_000_000) });
    assert.equal(result.exitCode, 0);
  });

  await t.test('drops what is more than the limit and says so', async () => {
    const result = await incus.exec(name, ['sh', '-c', 'head -c 300000 /dev/zero; echo done >&2'], { limit: 1000 });
    assert.equal(result.stdout.length, 1000);
    assert.equal(result.stderr.toString(), 'done\n');
    assert.equal(result.truncated, true);
  });

  for (const code of [1, 126, 127, 255])
    await t.test(`gives exit code ${code}`, async () => {
      assert.equal((await incus.exec(name, ['sh', '-c', `exit ${code}`])).exitCode, code);
    });

  await t.test('a missing command is exit code 127 with a word on stderr', async () => {
    const result = await incus.exec(name, ['no-such-command']);
    assert.equal(result.exitCode, 127);
    assert.match(result.stderr.toString(), /no-such-command/);
  });

  await t.test('a signal is exit code 128 + n', async () => {
    assert.equal((await incus.exec(name, ['sh', '-c', 'kill -9 $$'])).exitCode, 137);
  });

  await t.test('refuses ids that Incus would run as root, and argv that it would misread', async () => {
    for (const o of [{ user: 2 ** 31 }, { user: 4294967295 }, { user: -1 }, { user: 1.5 }, { group: 2 ** 31 }])
      await assert.rejects(incus.exec(name, ['id'], o), isFailure('invalid'));
    for (const argv of [[], [''], ['-x'], ['echo', 'a\0b']])
      await assert.rejects(incus.exec(name, argv), isFailure('invalid'));
    assert.equal((await incus.exec(name, ['id', '-u'], { user: 65534 })).stdout.toString(), '65534\n');
  });

  await t.test('`kill 0` reaches nothing but its own session', async () => {
    let up = false;
    const other = await incus.execStream(name, ['sh', '-c', 'echo up; read line; exit 3'], {
      onStdout: () => {
        up = true;
      },
    });
    await until('the other one runs', () => up);
    const killer = await incus.exec(name, ['sh', '-c', 'kill -TERM 0; echo never']);
    assert.equal(killer.exitCode, 143);
    other.end();
    assert.equal(await other.result, 3);
  });

  await t.test('a container that does not exist, or does not run', async t => {
    await assert.rejects(incus.exec(uniqueName(), ['true']), isFailure('not-found'));
    const stopped = await tempInstance(t, incus, { start: false, source: { alias: await testImage(incus) } });
    await assert.rejects(incus.exec(stopped, ['true']), isFailure('conflict', /not running/));
  });

  await t.test('no output is lost when many run at once', async () => {
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const all = await Promise.all(
      numbers.map(i => incus.exec(name, ['sh', '-c', `echo out${i}; echo err${i} >&2; exit ${i}`])),
    );
    assert.deepEqual(
      all.map(result => [result.exitCode, result.stdout.toString(), result.stderr.toString()]),
      numbers.map(i => [i, `out${i}\n`, `err${i}\n`]),
    );
  });

  await t.test('twenty at once run at the same time', async () => {
    // Each ends well only when all are there.
    const meet =
      'cd /srv; : >met-$0; for i in $(seq 600); do set -- met-*; [ $# -lt 20 ] || exit 0; sleep 0.1; done; exit 9';
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => incus.exec(name, ['sh', '-c', meet, `${i}`])));
    assert.deepEqual(
      all.map(result => result.exitCode),
      all.map(() => 0),
    );
  });
});
