import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, isFailure, tempInstance, until } from '../support.ts';

test('streams of a command', async t => {
  const incus = await connect(t);
  const name = await tempInstance(t, incus);

  await t.test('a terminal shows its size, follows it, and ends with its exit code', async () => {
    let screen = '';
    const handle = await incus.execStream(name, ['sh'], {
      onStdout: chunk => {
        screen += chunk.toString();
      },
      tty: { cols: 91, rows: 33 },
      env: { TERM: 'xterm-256color' },
    });
    await handle.write('stty size; tty\n');
    await until('the size', () => /33 91/.test(screen) && /\/dev\/pts\//.test(screen));
    handle.resize(120, 40);
    await until('the new size', async () => {
      await handle.write('stty size\n');
      return /40 120/.test(screen);
    });
    await handle.write('exit 5\n');
    assert.equal(await handle.result, 5);
  });

  await t.test('Ctrl-C in a terminal interrupts', async () => {
    let screen = '';
    const handle = await incus.execStream(name, ['sh', '-c', 'echo ready; sleep 1000'], {
      onStdout: chunk => {
        screen += chunk.toString();
      },
      tty: { cols: 80, rows: 24 },
    });
    await until('it runs', () => screen.includes('ready'));
    await handle.write('\x03');
    assert.equal(await handle.result, 130);
  });

  await t.test('what is written comes while it runs', async () => {
    let got = '';
    const handle = await incus.execStream(name, ['cat'], {
      onStdout: chunk => {
        got += chunk.toString();
      },
    });
    for (const word of ['one', 'zwei', 'три']) {
      await handle.write(word);
      await until(word, () => got.endsWith(word));
    }
    handle.end();
    assert.equal(await handle.result, 0);
    await assert.rejects(handle.write('late'), isFailure('conflict'));
  });

  await t.test('a taker that waits holds back the writer inside', async () => {
    let release = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    let bytes = 0;
    const script = 'i=0; while [ $i -lt 400 ]; do head -c 65536 /dev/zero; i=$((i+1)); echo $i >/root/written; done';
    const handle = await incus.execStream(name, ['sh', '-c', script], {
      onStdout: chunk => {
        bytes += chunk.length;
        return held;
      },
    });
    const written = async () => Number((await incus.exec(name, ['cat', '/root/written'])).stdout.toString());
    const last = await standstill(written);
    assert.ok(last < 200, `${last} of 400 blocks were written while nothing was taken`);
    release();
    assert.equal(await handle.result, 0);
    assert.equal(bytes, 400 * 65536);
  });

  await t.test('a writer is held back by a command that does not read', async () => {
    const handle = await incus.execStream(name, ['sleep', '1000'], { onStdout() {} });
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 1000; i++) {
        await handle.write(Buffer.alloc(65536));
        written++;
      }
    })().catch(() => 'ended');
    await standstill(() => written);
    assert.ok(written < 500, `${written} of 1000 blocks were taken`);
    await handle.kill();
    assert.equal(await writing, 'ended');
  });

  await t.test('a taker that throws makes the result fail', async () => {
    const handle = await incus.execStream(name, ['sh', '-c', 'while :; do echo x; done'], {
      onStdout: () => {
        throw new Error('no more');
      },
    });
    await assert.rejects(handle.result, /no more/);
  });
});

/** Waits until the number is above 0 and the same for half a second, and gives it. */
async function standstill(ask: () => number | Promise<number>): Promise<number> {
  let last = -1;
  let since = Date.now();
  return until('standstill', async () => {
    const now = await ask();
    if (now !== last) since = Date.now();
    last = now;
    return now > 0 && Date.now() - since > 500 && now;
  });
}
