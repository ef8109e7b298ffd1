import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Attention } from '../../../server/attention/attention.ts';
import { parseSignals } from '../../../server/attention/lines.ts';
import { Pace } from '../../../server/attention/pace.ts';
import { parseEntry, readRegistry } from '../../../server/attention/registry.ts';
import { Tail } from '../../../server/attention/tail.ts';
import { silentLog } from '../../../server/base/log.ts';

interface Ending {
  after(fn: () => Promise<void>): void;
}

async function temporary(t: Ending): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ia-attention-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function until(what: string, ask: () => boolean): Promise<void> {
  const end = Date.now() + 5000;
  while (!ask()) {
    assert.ok(Date.now() < end, what);
    await sleep(5);
  }
}

test('lines: words, times and reasons; anything else is left out', () => {
  const now = 2_000_000_000_000;
  const signals = parseSignals(
    [
      'working 1700000000 {"prompt":"x"}',
      'waiting 1700000001 {"hook":"P","tool_name":"Bash\u202e","tool_input":{"command":"rm',
      'exit 1700000002 137',
      'ready 1700000002 {"session_id":"0f0e-1x-y","prompt":"\\"session_id\\":\\"another-one\\""}',
      'dance 1700000003 ',
      'waiting 1700000003 {"session_id":"0f0e-of-helper","agent_id":"0f0e-2","tool_name":"Bash"}',
      'working 1700000003 {"prompt":"say \\"agent_id\\": \\"x\\""}',
      'idle soon',
      '\u0000\u0001',
      'idle 999999999999 ',
    ].join('\n'),
    now,
  );
  assert.deepEqual(
    signals.map(s => [s.word, s.detail, s.code]),
    [
      ['working', undefined, undefined],
      ['waiting', 'Bash', undefined],
      ['exit', undefined, 137],
      ['ready', undefined, undefined],
      ['waiting', 'Bash', undefined],
      ['working', undefined, undefined],
      ['idle', undefined, undefined],
    ],
  );
  assert.equal(signals.at(-1)?.at, now, 'no time of the future');
  assert.deepEqual(
    signals.map(s => s.helper === true),
    [false, false, false, false, true, false, false],
  );
  assert.deepEqual(signals.map(s => s.conversation).filter(Boolean), ['0f0e-1x-y']);
});

test('a flood of lines counts by its end only', () => {
  const flood = `${'working 1700000000 x\n'.repeat(100_000)}idle 1700000001 `;
  const signals = parseSignals(flood, Date.now());
  assert.ok(signals.length <= 64);
  assert.equal(signals.at(-1)?.word, 'idle');
});

test('the tail gives each line once, waits for whole ones, and starts again when the file is replaced or cut', async t => {
  const dir = await temporary(t);
  const file = join(dir, 'events');
  const tail = new Tail(file);
  assert.equal(await tail.read(), '');
  await writeFile(file, 'a 1\nb 2\nhalf');
  assert.equal(await tail.read(), 'a 1\nb 2\n');
  await appendFile(file, ' 3\n');
  assert.equal(await tail.read(), 'half 3\n');
  await writeFile(file, 'c 4\n');
  assert.equal(await tail.read(), 'c 4\n');
  await writeFile(`${file}.new`, 'd 5 and more\n');
  await rename(`${file}.new`, file);
  assert.equal(await tail.read(), 'd 5 and more\n');
  await writeFile(file, `${'x'.repeat(200_000)}\nlast 6\n`);
  assert.match(await tail.read(), /^x*\nlast 6\n$/);
  await rename(file, `${file}.aside`);
  assert.equal(await tail.read(), '');
  await rename(`${file}.aside`, file);
  assert.match(await tail.read(), /^x*\nlast 6\n$/, 'it was away meanwhile');
  // Some file systems give the inode of a deleted file again at once.
  for (let i = 0; i < 20; i++) {
    await rm(file);
    await writeFile(file, `${i} ${'x'.repeat(i)}\n`);
    assert.equal(await tail.read(), `${i} ${'x'.repeat(i)}\n`);
  }
});

test('a symlink, a FIFO and a directory in place of the events file are not read', { timeout: 5000 }, async t => {
  const dir = await temporary(t);
  await writeFile(join(dir, 'secret'), 'working 1700000000 \n');
  await symlink(join(dir, 'secret'), join(dir, 'link'));
  execFileSync('mkfifo', [join(dir, 'fifo')]);
  await mkdir(join(dir, 'directory'));
  for (const name of ['link', 'fifo', 'directory']) assert.equal(await new Tail(join(dir, name)).read(), '', name);
});

test('the registry: the newest entry counts; nonsense, symlinks and huge files do not', async t => {
  const dir = await temporary(t);
  await mkdir(join(dir, 'sessions'));
  const at = (name: string) => join(dir, 'sessions', name);
  assert.equal((await readRegistry(dir, ['sessions'], 5))?.status, 'none');
  await writeFile(at('1.json'), '{"status":"idle","statusUpdatedAt":1}');
  assert.equal((await readRegistry(dir, ['sessions'], 5))?.status, 'idle');
  await sleep(10);
  await writeFile(
    at('2.json'),
    '{"status":"waiting","waitingFor":"permission prompt","statusUpdatedAt":99999999999999}',
  );
  const entry = await readRegistry(dir, ['sessions'], 5);
  assert.deepEqual([entry?.status, entry?.detail, entry?.updatedAt], ['waiting', 'permission prompt', 5]);
  await rm(at('1.json'));
  await writeFile(at('2.json'), '{"stat');
  assert.equal(await readRegistry(dir, ['sessions'], 5), undefined, 'being written is not taken away');
  await rm(at('2.json'));
  await writeFile(join(dir, 'evil'), '{"status":"waiting"}');
  await symlink(join(dir, 'evil'), at('3.json'));
  assert.equal((await readRegistry(dir, ['sessions'], 5))?.status, 'none');
  for (const time of ['-1e300', '-1e999', '1e999', '-1', '"soon"', 'null']) {
    const at = parseEntry(`{"status":"busy","statusUpdatedAt":${time}}`, 5)?.updatedAt;
    assert.ok(at === 0 || at === 5, `${time} is ${at}`);
  }
  for (const text of ['[]', 'null', '{"status":"dancing"}', '{"status":{}}', '"idle"'])
    assert.equal(parseEntry(text, 1), undefined);
  for (const [id, told] of [
    ['0f0e0d0c-aaaa-4bbb-8ccc-ddddeeeeffff', true],
    ['../../../etc/passwd', false],
    ['x'.repeat(9000), false],
  ] as const)
    assert.equal(parseEntry(JSON.stringify({ status: 'idle', sessionId: id }), 5)?.conversation, told ? id : undefined);
});

test('the registry: the agent’s own conversation counts, whatever others do', async t => {
  const dir = await temporary(t);
  await mkdir(join(dir, 'sessions'));
  const put = (pid: number, sessionId: string, status: string) =>
    writeFile(join(dir, `sessions/${pid}.json`), JSON.stringify({ sessionId, status, statusUpdatedAt: 1 }));
  await put(1, 'conversation-a', 'waiting');
  await sleep(10);
  await put(2, 'conversation-b', 'idle');
  assert.equal((await readRegistry(dir, ['sessions'], 5, 'conversation-a'))?.status, 'waiting');
  assert.equal((await readRegistry(dir, ['sessions'], 5, 'conversation-c'))?.status, 'idle', 'none of it is known');
  assert.equal((await readRegistry(dir, ['sessions'], 5))?.status, 'idle');
  await writeFile(join(dir, 'sessions/1.json'), '{"sessionId":"conv');
  assert.equal(await readRegistry(dir, ['sessions'], 5, 'conversation-a'), undefined, 'it is being written');
});

test('the conversation of an agent is told when it changes, and another claude in the slot is not taken for it', async t => {
  const dir = await temporary(t);
  for (const name of ['signals', 'sessions']) await mkdir(join(dir, name));
  const attention = new Attention(silentLog);
  t.after(async () => attention.dispose());
  const told: string[] = [];
  attention.onConversation((session, conversation) => told.push(`${session} ${conversation}`));
  const say = (word: string, id?: string) =>
    appendFile(
      join(dir, 'signals/events'),
      `${word} ${Math.floor(Date.now() / 1000)} ${id === undefined ? '' : JSON.stringify({ session_id: id })}\n`,
    );
  const put = (pid: number, sessionId: string, status: string) =>
    writeFile(join(dir, `sessions/${pid}.json`), JSON.stringify({ sessionId, status, statusUpdatedAt: Date.now() }));
  await say('start');
  await say('ready', 'conversation-a');
  await put(1, 'conversation-a', 'idle');
  attention.track({ container: 'c', session: 's', sessionDir: dir, signals: 'signals', registry: 'sessions' });
  await say('working', 'conversation-a');
  await put(1, 'conversation-a', 'busy');
  await until('it works', () => attention.state('c').state === 'working');
  const seen: string[] = [];
  attention.onChange((_container, { state }) => seen.push(state));
  await put(2, 'conversation-b', 'waiting');
  await sleep(1000);
  await put(2, 'conversation-b', 'idle');
  await sleep(200);
  assert.deepEqual(seen, []);
  // As after /clear.
  await say('ready', 'conversation-c');
  await put(1, 'conversation-c', 'idle');
  await until('it is idle', () => attention.state('c').state === 'idle');
  await until('both were told', () => told.length === 2);
  assert.deepEqual(told, ['s conversation-a', 's conversation-c']);
});

test('a claude that a person began in the place of the agent that ended tells its conversation; no script’s does', async t => {
  const dir = await temporary(t);
  for (const name of ['signals', 'sessions']) await mkdir(join(dir, name));
  const attention = new Attention(silentLog);
  t.after(async () => attention.dispose());
  const told: string[] = [];
  attention.onConversation((_session, conversation) => told.push(conversation));
  const ended = Math.floor(Date.now() / 1000) - 10;
  const put = (pid: number, sessionId: string, entrypoint: string, after: number) =>
    writeFile(
      join(dir, `sessions/${pid}.json`),
      JSON.stringify({
        ...{ sessionId, entrypoint, startedAt: (ended + after) * 1000 },
        ...{ status: 'idle', statusUpdatedAt: (ended + after) * 1000 },
      }),
    );
  const ready = JSON.stringify({ session_id: 'conversation-a' });
  await writeFile(join(dir, 'signals/events'), `start ${ended - 9} \nready ${ended - 8} ${ready}\nexit ${ended} 137\n`);
  // As a killed one leaves it.
  await put(1, 'conversation-a', 'cli', -9);
  attention.track({ container: 'c', session: 's', sessionDir: dir, signals: 'signals', registry: 'sessions' });
  await until('the end is known', () => attention.state('c').state === 'failed' && told.length === 1);
  await put(2, 'conversation-b', 'sdk-cli', 1);
  await put(3, 'conversation-c', 'cli', 2);
  await until('the conversation is told', () => told.includes('conversation-c'));
  await until('its state is that of the agent', () => attention.state('c').state === 'idle');
  await put(4, 'conversation-d', 'cli', 3);
  await put(3, 'conversation-c', 'cli', 3);
  await sleep(300);
  assert.deepEqual(told, ['conversation-a', 'conversation-c'], 'of two it is not known which one it is');
});

test('the pace: at once, never two at a time, again when asked meanwhile, slow for who asks without end', async () => {
  let runs = 0;
  let together = 0;
  const pace = new Pace(async () => {
    assert.equal(together++, 0);
    runs++;
    await sleep(1);
    together--;
  });
  pace.ask();
  assert.equal(runs, 1);
  pace.ask();
  await until('once more', () => runs === 2);
  const end = Date.now() + 4000;
  while (Date.now() < end) {
    pace.ask();
    await sleep(2);
  }
  assert.ok(runs >= 40 && runs <= 60, `${runs} runs`);
  pace.end();
  const before = runs;
  pace.ask();
  assert.equal(runs, before);
});

test('a clock that is set back holds up neither what is heard nor what is seen', async t => {
  const dir = await temporary(t);
  await mkdir(join(dir, 'signals'));
  const say = (word: string) => appendFile(join(dir, 'signals/events'), `${word} ${Math.floor(Date.now() / 1000)} \n`);
  const attention = new Attention(silentLog);
  t.after(async () => attention.dispose());
  attention.track({ container: 'a', session: 'a', sessionDir: dir, signals: 'signals' });
  await say('idle');
  await until('it is idle', () => attention.state('a').state === 'idle');
  const now = Date.now;
  t.mock.method(Date, 'now', () => now() - 3_600_000);
  await say('working');
  await until('it works', () => attention.state('a').state === 'working');
  attention.seen('a', { seen: 'none', at: Date.now() }, performance.now() - 3000);
  assert.equal(attention.state('a').state, 'working', 'a look that began before the signal');
  attention.seen('a', { seen: 'none', at: Date.now() }, performance.now());
  assert.equal(attention.state('a').state, 'exited');
});

test('no agent lives through a restart of its container, which is told by the time of its start alone', async t => {
  const dir = await temporary(t);
  for (const name of ['signals', 'sessions']) await mkdir(join(dir, name));
  const say = (word: string, at = Date.now()) =>
    appendFile(join(dir, 'signals/events'), `${word} ${Math.floor(at / 1000)} \n`);
  const follow = (startedAt: number) => {
    const attention = new Attention(silentLog);
    t.after(async () => attention.dispose());
    attention.track({ container: 'a', session: 'a', sessionDir: dir, signals: 'signals', registry: 'sessions' });
    attention.containerStatus('a', 'running', startedAt);
    return attention;
  };
  const begun = Date.now() - 60_000;
  await say('waiting', begun + 5000);
  await writeFile(join(dir, 'sessions/1.json'), JSON.stringify({ status: 'waiting', statusUpdatedAt: begun + 5000 }));
  const attention = follow(begun);
  await until('it waits', () => attention.state('a').state === 'waiting');
  const restarted = Date.now() - 20_000;
  const seen: string[] = [];
  attention.onChange((_container, { state }) => seen.push(state));
  attention.containerStatus('a', 'running', restarted);
  assert.deepEqual(seen, ['exited', 'unknown']);
  assert.ok(attention.unsure().has('a'));

  // One that begins to follow it now reads what was written before.
  const late = follow(restarted);
  await writeFile(join(dir, 'sessions/1.json'), JSON.stringify({ status: 'waiting', statusUpdatedAt: begun + 5000 }));
  await sleep(1000);
  assert.equal(late.state('a').state, 'unknown');
  await say('start');
  await say('idle');
  for (const one of [attention, late]) await until('a new agent is heard', () => one.state('a').state === 'idle');
  attention.containerStatus('a', 'running', Date.now() - 2000);
  assert.equal(attention.state('a').state, 'idle', 'it was heard after that start');
});

test('attention: lines in the directory change the state of that container only, until it is forgotten', async t => {
  const dir = await temporary(t);
  for (const name of ['a/signals', 'b/signals']) await mkdir(join(dir, name), { recursive: true });
  const attention = new Attention(silentLog);
  t.after(async () => attention.dispose());
  const seen: string[] = [];
  attention.onChange((container, state) => seen.push(`${container} ${state.state}`));
  for (const name of ['a', 'b'])
    attention.track({ container: name, session: name, sessionDir: join(dir, name), signals: 'signals' });
  const say = (name: string, word: string) =>
    appendFile(join(dir, name, 'signals/events'), `${word} ${Math.floor(Date.now() / 1000)} \n`);
  await say('a', 'working');
  await until('a works', () => attention.state('a').state === 'working');
  assert.equal(attention.state('b').state, 'unknown');
  attention.containerStatus('a', 'stopped');
  assert.equal(attention.state('a').state, 'exited');
  await say('b', 'waiting');
  await until('b waits', () => attention.state('b').state === 'waiting');
  attention.untrack('b');
  await say('b', 'idle');
  await sleep(150);
  assert.deepEqual(seen, ['a working', 'a exited', 'b waiting']);
  assert.equal(attention.state('b').state, 'unknown');
});

test('what fails when it is taken in is logged, also when it comes with a timer', async t => {
  const dir = await temporary(t);
  for (const name of ['signals', 'sessions']) await mkdir(join(dir, name));
  await writeFile(join(dir, 'sessions/1.json'), '{"status":"busy","statusUpdatedAt":1}');
  const warnings: string[] = [];
  const attention = new Attention({ ...silentLog, warn: text => warnings.push(text) });
  t.after(async () => attention.dispose());
  attention.onChange((_container, { state }) => {
    if (state === 'working') throw new RangeError('Invalid time value');
  });
  attention.track({ container: 'a', session: 'a', sessionDir: dir, signals: 'signals', registry: 'sessions' });
  await until('it is logged', () => warnings.some(text => text.includes('Invalid time value')));
  warnings.length = 0;
  await appendFile(join(dir, 'signals/events'), `idle ${Math.floor(Date.now() / 1000)} \n`);
  await until('the time to settle is over', () => warnings.some(text => text.includes('Invalid time value')));
  await appendFile(join(dir, 'signals/events'), `waiting ${Math.floor(Date.now() / 1000)} \n`);
  await until('it is heard all the same', () => attention.state('a').state === 'waiting');
});

test('what was said before anybody listened is known afterwards, with its time', async t => {
  const dir = await temporary(t);
  await mkdir(join(dir, 'signals'));
  await writeFile(
    join(dir, 'signals/events'),
    'start 1700000000 \nworking 1700000005 \nwaiting 1700000010 {"tool_name":"Edit"}\n',
  );
  const attention = new Attention(silentLog);
  t.after(async () => attention.dispose());
  attention.track({ container: 'a', session: 'a', sessionDir: dir, signals: 'signals' });
  await until('it waits', () => attention.state('a').state === 'waiting');
  assert.equal(attention.state('a').since, new Date(1_700_000_010_000).toISOString());
});
