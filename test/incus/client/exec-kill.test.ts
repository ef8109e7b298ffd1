import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import type { Incus } from '../../../server/incus/client.ts';
import { connect, isFailure, tempInstance, until } from '../support.ts';

/** Ways in which a process leaves its parent; each is meant to run `sleep <n>` for ever. */
const ESCAPES: Record<string, (sleep: string) => string> = {
  'a child in the foreground': sleep => sleep,
  'a child in the background': sleep => `${sleep} & wait`,
  'a child with a session of its own': sleep => `setsid ${sleep} & wait`,
  'an orphan with a session of its own': sleep => `(setsid ${sleep} &) ; ${sleep}`,
  'an orphan with nothing of the environment': sleep => `(env -i setsid ${sleep} &) ; ${sleep}`,
  'an orphan that nohup guards': sleep => `(nohup setsid ${sleep} >/dev/null 2>&1 </dev/null &) ; ${sleep}`,
  'a process that ignores signals': sleep => `trap "" TERM INT HUP QUIT; ${sleep} & wait`,
};

test('killing what runs inside', async t => {
  const incus = await connect(t);
  const name = await tempInstance(t, incus);

  for (const user of [0, 1000])
    for (const [what, script] of Object.entries(ESCAPES))
      await t.test(`an abort ends ${what}, as user ${user}`, async () => {
        const sleep = uniqueSleep();
        const abort = new AbortController();
        const running = incus.exec(name, ['sh', '-c', script(sleep)], { user, group: user, signal: abort.signal });
        await runs(incus, name, sleep);
        abort.abort();
        await assert.rejects(running, isFailure('cancelled'));
        assert.equal(await count(incus, name, sleep), 0);
      });

  await t.test('an abort ends what sudo started', async () => {
    const sleep = uniqueSleep();
    const abort = new AbortController();
    const script = `(sudo -n setsid ${sleep} &) ; ${sleep}`;
    const running = incus.exec(name, ['sh', '-c', script], { user: 1000, group: 1000, signal: abort.signal });
    await until('both run', async () => (await count(incus, name, sleep)) >= 2);
    abort.abort();
    await assert.rejects(running, isFailure('cancelled'));
    assert.equal(await count(incus, name, sleep), 0);
  });

  await t.test('an abort ends a tree that keeps growing', async () => {
    const sleep = uniqueSleep();
    const abort = new AbortController();
    const script = `while :; do (setsid ${sleep} &); done`;
    const running = incus.exec(name, ['sh', '-c', script], { signal: abort.signal });
    await until('it grows', async () => (await count(incus, name, sleep)) > 10);
    abort.abort();
    await assert.rejects(running, isFailure('cancelled'));
    assert.equal(await count(incus, name, sleep), 0);
  });

  await t.test('a terminal is ended with what left it', async () => {
    const sleep = uniqueSleep();
    const handle = await incus.execStream(name, ['bash'], { onStdout() {}, tty: { cols: 80, rows: 24 } });
    await handle.write(`(setsid nohup ${sleep} &)\n`);
    await runs(incus, name, sleep);
    await handle.kill();
    assert.equal(await count(incus, name, sleep), 0);
    assert.equal(await handle.result, 137);
  });

  await t.test('a kill leaves alone what another one started', async () => {
    const sleep = uniqueSleep();
    const other = uniqueSleep();
    const kept = await start(t, incus, name, other);
    const handle = await start(t, incus, name, sleep);
    await handle.kill();
    assert.equal(await count(incus, name, sleep), 0);
    assert.equal(await count(incus, name, other), 1);
    await kept.kill();
  });

  await t.test('a kill after the end is nothing, and so is a second one', async () => {
    const handle = await incus.execStream(name, ['true'], { onStdout() {} });
    assert.equal(await handle.result, 0);
    await handle.kill();
    await handle.kill();
  });

  await t.test('an abort before and right after the start leaves nothing', async () => {
    const sleep = uniqueSleep();
    await assert.rejects(incus.exec(name, sleep.split(' '), { signal: AbortSignal.abort() }), isFailure('cancelled'));
    for (let delay = 0; delay < 40; delay += 4) {
      const signal = AbortSignal.timeout(delay);
      await assert.rejects(incus.exec(name, sleep.split(' '), { signal }), isFailure('cancelled'));
    }
    await until('none is left', async () => (await count(incus, name, sleep)) === 0);
  });

  await t.test('an abort settles when the container stops meanwhile', async u => {
    const stopping = await tempInstance(u, incus);
    const abort = new AbortController();
    const running = incus.exec(stopping, ['sleep', '1000'], { signal: abort.signal });
    // The connection may go with the container before the abort has its effect.
    const outcome = assert.rejects(running, error => {
      assert.ok(error instanceof Failure && ['cancelled', 'unavailable'].includes(error.kind), String(error));
      return true;
    });
    await until('it runs', async () => (await count(incus, stopping, 'sleep 1000')) > 0);
    const stopped = incus.setState(stopping, 'stop', { force: true });
    abort.abort();
    await Promise.all([outcome, stopped]);
  });

  await t.test('a signal goes to the attached process', async () => {
    const handle = await incus.execStream(
      name,
      ['sh', '-c', 'trap "exit 42" USR1; echo ready; while :; do sleep 0.05; done'],
      {
        onStdout: () => handle.signal(10),
      },
    );
    assert.equal(await handle.result, 42);
  });
});

function uniqueSleep(): string {
  return `sleep ${randomInt(10_000_000, 99_999_999)}`;
}

async function start(t: TestContext, incus: Incus, name: string, sleep: string) {
  const handle = await incus.execStream(name, ['sh', '-c', `setsid ${sleep} & wait`], { onStdout() {} });
  t.after(() => handle.kill());
  await runs(incus, name, sleep);
  return handle;
}

async function runs(incus: Incus, name: string, sleep: string): Promise<void> {
  await until(`${sleep} runs`, async () => (await count(incus, name, sleep)) > 0);
}

/** How many processes inside are exactly that command. Its own argv is another one. */
async function count(incus: Incus, name: string, command: string): Promise<number> {
  const script = 'for f in /proc/[0-9]*/cmdline; do tr "\\0" " " <$f 2>/dev/null; echo; done';
  const { stdout } = await incus.exec(name, ['sh', '-c', script]);
  return stdout
    .toString()
    .split('\n')
    .filter(line => line.trim() === command).length;
}
