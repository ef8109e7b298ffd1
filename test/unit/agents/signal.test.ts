import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { signalFile } from '../../../server/agents/signal.ts';
import { parseSignals } from '../../../server/attention/lines.ts';

interface Place {
  events: string;
  /** Of the process that the launch script is. */
  running: string;
  speaker: string;
  program: string;
  run(args: string[], input?: string): string;
}

async function place(t: { after(fn: () => Promise<void>): void }): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'ia-signal-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const signals = join(dir, 'a dir');
  await mkdir(signals);
  const file = signalFile({ sessionId: 'x', permissionMode: 'bypass', home: dir, cwd: '/', signalsDir: signals });
  await mkdir(join(dir, '.incus-agents'));
  await writeFile(file.path, file.content, { mode: file.mode });
  return {
    events: join(signals, 'events'),
    running: join(dir, '.incus-agents/running'),
    speaker: join(signals, 'speaker'),
    program: file.path,
    run: (args, input = '') =>
      execFileSync(file.path, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] }),
  };
}

test('one bounded line per signal, from standard input or an argument, and JSON as an answer', async t => {
  const p = await place(t);
  assert.equal(p.run(['working'], '{"a":\n"b"}\r\n'), '{}\n');
  p.run(['waiting', '{"tool_name":"Bash"}']);
  p.run(['idle'], 'x'.repeat(200_000));
  const lines = (await readFile(p.events, 'utf8')).trimEnd().split('\n');
  assert.equal(lines.length, 3);
  assert.ok(lines.every(line => line.length < 4096));
  const signals = parseSignals(`${lines.join('\n')}\n`, Date.now());
  assert.deepEqual(
    signals.map(s => [s.word, s.detail]),
    [
      ['working', undefined],
      ['waiting', 'Bash'],
      ['idle', undefined],
    ],
  );
});

test('the file starts again when it has grown, and a symlink is not written through', async t => {
  const p = await place(t);
  await writeFile(p.events, 'x'.repeat(300_000));
  p.run(['idle'], '');
  assert.ok((await stat(p.events)).size < 100);
  await rm(p.events);
  await writeFile(`${p.events}.other`, 'mine');
  await symlink(`${p.events}.other`, p.events);
  p.run(['idle'], '');
  assert.equal(await readFile(`${p.events}.other`, 'utf8'), 'mine');
});

test('without its directory it fails silently, so that no agent is disturbed', async t => {
  const p = await place(t);
  await rm(join(p.events, '..'), { recursive: true });
  assert.equal(p.run(['idle'], 'x'), '{}\n');
});

test('an agent that the agent runs is not heard, and whoever speaks after its end is', async t => {
  const p = await place(t);
  const heard = async () => (await readFile(p.events, 'utf8').catch(() => '')).match(/^[a-z]+/gm) ?? [];
  const begun = async () => writeFile(p.events, '');
  const nested = (word: string) => {
    const run = `require('node:child_process').execFileSync(${JSON.stringify(p.program)}, ['${word}', ''])`;
    // bash begins the last command in its own place, so that there is no shell between the two.
    assert.equal(execFileSync('bash', ['-c', '"$0" -e "$1"', process.execPath, run], { encoding: 'utf8' }), '');
  };
  p.run(['ready', '']);
  nested('working');
  assert.deepEqual(await heard(), ['ready', 'working'], 'nobody is known to be the agent');

  await begun();
  await writeFile(p.running, `${process.pid}\n`);
  p.run(['ready', '']);
  nested('idle');
  // Some agents call a shell that waits for the program.
  execFileSync('sh', ['-c', '"$0" working "" >/dev/null; true', p.program]);
  assert.deepEqual(await heard(), ['ready', 'working']);
  assert.match(await readFile(p.speaker, 'utf8'), new RegExp(`^${process.pid} \\d+\\n$`));

  for (const gone of ['999999999 1', `${process.pid} 1`, 'nonsense', '']) {
    await begun();
    await writeFile(p.speaker, gone);
    nested('idle');
    assert.deepEqual(await heard(), ['idle'], gone);
    p.run(['working', '']);
    assert.deepEqual(await heard(), ['idle', 'working'], 'its process has ended');
  }

  await rm(p.speaker);
  await writeFile(p.running, `${process.ppid + 1_000_000}\n`);
  p.run(['idle', '']);
  await assert.rejects(
    readFile(p.speaker),
    'what was not begun by the launch script is heard only as long as nothing else is there',
  );
});
