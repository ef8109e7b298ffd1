import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OPENCODE_PLUGIN } from '../../../server/agents/opencode-plugin.ts';

type Event = [type: string, properties: object];

/** Gives the plugin to a process that is what the launch script has started, and says what it noted of these events. */
async function notes(t: { after(fn: () => Promise<void>): void }) {
  const home = await mkdtemp(join(tmpdir(), 'ia-plugin-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  await mkdir(join(home, '.incus-agents'));
  await writeFile(join(home, '.incus-agents/running'), `${process.pid}\n`);
  // The database is bun's own.
  const plugin = OPENCODE_PLUGIN.replace(/^import .* from 'bun:sqlite';$/m, 'class Database { run() {} close() {} }');
  await writeFile(join(home, 'plugin.mjs'), plugin);
  const transcript = join(home, 'transcript');
  const env = { ...process.env, HOME: home, INCUS_AGENTS_SIGNALS: home, INCUS_AGENTS_TRANSCRIPT: transcript };
  return {
    speaker: join(home, 'speaker'),
    async of(...events: Event[]) {
      const script = `const { event } = await (await import('${home}/plugin.mjs')).IncusAgents();
        for (const [type, properties] of ${JSON.stringify(events)}) await event({ event: { type, properties } });`;
      for (const file of [join(home, 'events'), transcript]) await writeFile(file, '');
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { env });
      const lines = (await readFile(join(home, 'events'), 'utf8')).trimEnd().split('\n');
      return {
        lines: lines.map(line => line.replace(/ \d+ /, ' ')).filter(line => line !== ''),
        said: (await readFile(transcript, 'utf8')).split('\n').length - 1,
      };
    },
  };
}

const MAIN = { sessionID: 'ses_main' };
const busy: Event = ['session.status', { ...MAIN, status: { type: 'busy' } }];
const bash: Event = ['permission.asked', { ...MAIN, id: 'per_1', permission: 'bash' }];
const edit: Event = ['permission.asked', { ...MAIN, id: 'per_2', permission: 'edit' }];

test('with two questions the agent waits until both are answered', async t => {
  const { of } = await notes(t);
  const one = ['permission.replied', { ...MAIN, requestID: 'per_1', reply: 'once' }] satisfies Event;
  const two = ['permission.replied', { ...MAIN, requestID: 'per_2', reply: 'once' }] satisfies Event;
  const { lines } = await of(busy, bash, edit, busy, one, two, ['session.idle', MAIN]);
  assert.deepEqual(lines, [
    'ready {}',
    'working {"session_id":"ses_main"}',
    'waiting {"session_id":"ses_main","tool_name":"bash"}',
    'waiting {"session_id":"ses_main","tool_name":"edit"}',
    'waiting {"session_id":"ses_main","tool_name":"edit"}',
    'working {"session_id":"ses_main"}',
    'idle {"session_id":"ses_main"}',
  ]);
  const after = await of(bash, ['session.idle', MAIN], busy);
  assert.equal(after.lines.at(-1), 'working {"session_id":"ses_main"}', 'the end of a turn is that of its questions');
});

test('a question of a helper is one, but its session is not that of the agent', async t => {
  const { of } = await notes(t);
  const helper: Event = ['session.created', { info: { id: 'ses_child', parentID: 'ses_main' } }];
  const { lines } = await of(helper, [bash[0], { ...bash[1], sessionID: 'ses_child' }]);
  assert.deepEqual(lines, ['ready {}', 'waiting {"tool_name":"bash"}']);
});

test('an opencode that the agent runs notes nothing', async t => {
  const { of, speaker } = await notes(t);
  const said: Event[] = [
    busy,
    ['message.updated', { info: { id: 'm', role: 'user' } }],
    ['message.part.updated', { part: { id: 'p', messageID: 'm', type: 'text', text: 'x', ...MAIN } }],
  ];
  assert.deepEqual(await of(...said), { lines: ['ready {}', 'working {"session_id":"ses_main"}'], said: 1 });
  const noted = await readFile(speaker, 'utf8');
  assert.deepEqual((await of(...said)).said, 1, 'the one before has ended');
  assert.notEqual(await readFile(speaker, 'utf8'), noted);
  const began = (await readFile('/proc/self/stat', 'utf8')).replace(/^.*\) /s, '').split(' ')[19];
  await writeFile(speaker, `${process.pid} ${began}\n`);
  assert.deepEqual(await of(...said), { lines: [], said: 0 });
});
