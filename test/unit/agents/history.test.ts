import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { agentNamed } from '../../../server/agents/registry.ts';
import { newIdFor, resumeOf } from '../../../server/agents/resume.ts';

const A = '11111111-1111-4111-8111-111111111111';
const B = '22222222-2222-4222-8222-222222222222';
const C = '33333333-3333-4333-8333-333333333333';

async function session(t: { after(fn: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ia-history-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function put(path: string, lines: readonly unknown[], seconds = 1_700_000_000): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  await utimes(path, seconds, seconds);
}

const claudeUser = (content: unknown, more = {}) => ({ type: 'user', message: { role: 'user', content }, ...more });

test('claude: the newest conversation in which something was said, under any path inside', async t => {
  const dir = await session(t);
  const at = (slug: string, id: string) => join(dir, '.claude/projects', slug, `${id}.jsonl`);
  const { findConversation, transcript } = agentNamed('claude');
  assert.equal(await findConversation(dir), undefined);
  await put(at('-home-me-src', A), [
    claudeUser('<command-name>/clear</command-name>'),
    claudeUser('a note', { isMeta: true }),
    claudeUser('the question', { timestamp: '2026-01-01T00:00:00Z' }),
    {
      type: 'assistant',
      message: {
        content: [
          { type: 'text', text: 'the answer' },
          { type: 'tool_use', name: 'Bash' },
        ],
      },
    },
    { type: 'user', message: { content: [{ type: 'tool_result', content: 'secret output' }] } },
    claudeUser('of a helper', { isSidechain: true }),
    '{"cut off',
    'null',
  ]);
  await put(at('-home-me-src', B), [{ type: 'mode' }], 1_800_000_000);
  const found = await findConversation(dir);
  assert.deepEqual(found, { agentSessionId: A, title: 'the question', lastActivityAt: '2023-11-14T22:13:20.000Z' });
  const lines = await transcript(dir);
  assert.deepEqual(lines.slice(1), [
    { role: 'user', text: 'the question', at: '2026-01-01T00:00:00.000Z' },
    { role: 'assistant', text: 'the answer\n[Bash]' },
  ]);
  assert.deepEqual(await resumeOf(agentNamed('claude'), dir, '/workspace'), { agentSessionId: A });
});

/** A conversation of each agent that files several, in which `words` were said. */
const CONVERSATIONS: Record<string, (id: string, words: string, more?: object) => [path: string, lines: unknown[]]> = {
  claude: (id, words) => [`.claude/projects/-workspace/${id}.jsonl`, [claudeUser(words)]],
  codex: (id, words, more = { source: 'cli' }) => [
    `.codex/sessions/2026/01/02/rollout-2026-01-02T00-00-00-${id}.jsonl`,
    [
      { type: 'session_meta', payload: { id, ...more } },
      { type: 'event_msg', payload: { type: 'user_message', message: words } },
    ],
  ],
  gemini: (id, words) => [
    `.gemini/tmp/workspace/chats/session-2026-01-02T00-00-${id.slice(0, 8)}.jsonl`,
    [{ sessionId: id }, { type: 'user', content: [{ text: words }] }],
  ],
};

for (const [name, conversation] of Object.entries(CONVERSATIONS)) {
  test(`${name}: the conversation that the agent said it holds comes before newer ones, if anything was said in it`, async t => {
    const dir = await session(t);
    const agent = agentNamed(name);
    const add = (id: string, words: string, seconds: number) => {
      const [path, lines] = conversation(id, words);
      return put(join(dir, path), words === '' ? lines.slice(0, -1) : lines, seconds);
    };
    await add(A, 'of the session', 1_700_000_000);
    await add(B, 'of a script', 1_700_000_100);
    assert.deepEqual(await resumeOf(agent, dir, '/workspace'), { agentSessionId: B });
    assert.deepEqual(await resumeOf(agent, dir, '/workspace', { known: A }), { agentSessionId: A });
    assert.equal((await agent.findConversation(dir, '/workspace', A))?.title, 'of the session');
    assert.deepEqual(await resumeOf(agent, dir, '/workspace', { known: C }), { agentSessionId: B }, 'its file is gone');
    await add(C, '', 1_700_000_200);
    assert.deepEqual(await resumeOf(agent, dir, '/workspace', { known: C }), { agentSessionId: B }, 'as after /clear');
    const again = (known: string) => resumeOf(agent, dir, '/workspace', { known, before: A, said: true });
    assert.deepEqual(await again(C), { agentSessionId: A }, 'not what a script said meanwhile');
    for (const damaged of [true, false]) {
      if (damaged) await add(A, '', 1_700_000_000);
      else await rm(join(dir, conversation(A, '')[0]));
      await assert.rejects(again(A), { kind: 'not-found' });
      await assert.rejects(again(C), { kind: 'not-found' });
    }
    await add(C, 'of the session, after /clear', 1_700_000_200);
    assert.deepEqual(await again(C), { agentSessionId: C });
  });
}

test('codex: what a helper or a script held is taken only where there is nothing else', async t => {
  const dir = await session(t);
  const codex = agentNamed('codex');
  const add = async (id: string, source: unknown, seconds: number) => {
    const [path, lines] = CONVERSATIONS.codex?.(id, `of ${id}`, { source }) ?? ['', []];
    await put(join(dir, path), lines, seconds);
  };
  await add(B, 'exec', 1_700_000_100);
  assert.deepEqual(await resumeOf(codex, dir, '/workspace'), { agentSessionId: B });
  await add(A, 'vscode', 1_700_000_000);
  await add(C, { subagent: { thread_spawn: {} } }, 1_700_000_200);
  assert.deepEqual(await resumeOf(codex, dir, '/workspace'), { agentSessionId: A });
});

test('claude: conversations of the path that the session has come first, and tell a path that nobody noted', async t => {
  const dir = await session(t);
  const at = (slug: string, id: string) => join(dir, '.claude/projects', slug, `${id}.jsonl`);
  const agent = agentNamed('claude');
  const long = `/home/me/${'x'.repeat(250)}`;
  await put(at('-home-me-my-src', A), [claudeUser('of the session')]);
  await put(at('-tmp-elsewhere', B), [claudeUser('of a script')], 1_800_000_000);
  assert.equal((await agent.findConversation(dir, '/home/me/my.src'))?.title, 'of the session');
  assert.equal((await agent.findConversation(dir, '/elsewhere'))?.title, 'of a script');
  assert.equal((await agent.transcript(dir, undefined, '/home/me/my.src'))[0]?.text, 'of the session');
  assert.deepEqual(await resumeOf(agent, dir, '/home/me/my.src'), { agentSessionId: A });
  const known = { known: B, before: A };
  assert.deepEqual(
    await resumeOf(agent, dir, '/home/me/my.src', known),
    { agentSessionId: A },
    'the other is not found there',
  );
  assert.equal(await agent.pathOf?.(dir, ['/workspace', '/home/me/my.src']), '/home/me/my.src');
  assert.equal(await agent.pathOf?.(dir, ['/workspace']), undefined);
  await put(at(`${long.replaceAll('/', '-').slice(0, 200)}-1a2b3c`, C), [claudeUser('of a long path')]);
  assert.equal((await agent.findConversation(dir, long))?.title, 'of a long path');
});

test('a conversation goes on whatever its first message is: an image alone, or far larger than what is shown', async t => {
  const codexLine = (role: string, text: string) => ({
    type: 'response_item',
    payload: { type: 'message', role, content: [{ type: 'input_text', text }] },
  });
  const image = { type: 'image', source: { type: 'base64', data: 'x'.repeat(9_000_000) } };
  const large = 'y'.repeat(3_000_000);
  const firsts: Record<string, [lines: unknown[], title: string | undefined][]> = {
    claude: [
      [[claudeUser([image])], undefined],
      [[claudeUser([{ type: 'image' }]), claudeUser('and words')], 'and words'],
      [[claudeUser(large)], large.slice(0, 4096)],
      [[claudeUser([image]), claudeUser('later words')], 'later words'],
      [[claudeUser('<command-name>/compact</command-name>')], '<command-name>/compact</command-name>'],
      [[{ type: 'assistant', message: { content: [] } }], undefined],
    ],
    codex: [
      [[codexLine('user', large)], large.slice(0, 4096)],
      [[codexLine('user', '<div> is not closed')], '<div> is not closed'],
      [
        [
          codexLine('user', '<environment_context>x</environment_context>'),
          { type: 'event_msg', payload: { type: 'user_message', message: '<b>all of it</b>' } },
        ],
        '<b>all of it</b>',
      ],
      [[{ type: 'event_msg', payload: { type: 'user_message', message: '', images: ['x'] } }], undefined],
      [[codexLine('assistant', 'an answer')], undefined],
      [[codexLine('user', 'z'.repeat(9_000_000))], undefined],
    ],
    gemini: [
      [[{ sessionId: A }, { type: 'user', content: [{ text: large }] }], large.slice(0, 4096)],
      [[{ sessionId: A }, { type: 'user', content: [{ inlineData: { data: 'x' } }] }], undefined],
      [[{ sessionId: A }, { type: 'user', content: [{ inlineData: 'x'.repeat(9_000_000) }] }], undefined],
    ],
  };
  const path: Record<string, string> = {
    claude: `.claude/projects/-workspace/${A}.jsonl`,
    codex: `.codex/sessions/2026/01/02/rollout-2026-01-02T00-00-00-${A}.jsonl`,
    gemini: '.gemini/tmp/workspace/chats/session-1.jsonl',
  };
  for (const [name, conversations] of Object.entries(firsts)) {
    for (const [i, [lines, title]] of conversations.entries()) {
      const dir = await session(t);
      await put(join(dir, path[name] ?? ''), lines);
      const agent = agentNamed(name);
      assert.deepEqual(await resumeOf(agent, dir, '/workspace'), { agentSessionId: A }, `${name} ${i}`);
      assert.equal((await agent.findConversation(dir))?.title, title, `${name} ${i}`);
    }
  }
});

test('where there is a file in which nothing was said, an agent starts afresh under another id', async t => {
  const dir = await session(t);
  await put(join(dir, `.claude/projects/-workspace/${A}.jsonl`), [{ type: 'mode' }, '']);
  await put(join(dir, '.gemini/tmp/workspace/chats/session-1.jsonl'), [{ sessionId: A }]);
  for (const name of ['claude', 'gemini']) {
    const agent = agentNamed(name);
    assert.equal(await resumeOf(agent, dir, '/workspace'), undefined);
    assert.notEqual(await newIdFor(agent, dir, A), A);
    assert.equal(await newIdFor(agent, dir, B), B);
  }
});

test('however many and large the files of a session are, one look reads no more than of one', async t => {
  const dir = await session(t);
  const read = async () => Number(/^rchar: (\d+)/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
  const mib = 2 ** 20;
  const places: [string, (i: number) => string][] = [
    ['claude', i => `.claude/projects/-workspace/${A.slice(0, -1)}${i}.jsonl`],
    ['codex', i => `.codex/sessions/2026/01/02/rollout-2026-01-02T00-00-00-${A.slice(0, -1)}${i}.jsonl`],
    ['gemini', i => `.gemini/tmp/workspace/chats/session-${i}.jsonl`],
  ];
  for (const [name, path] of places) {
    for (const i of [1, 2, 3]) {
      await put(join(dir, path(i)), []);
      await truncate(join(dir, path(i)), 60 * mib);
    }
    const before = await read();
    const agent = agentNamed(name);
    assert.equal(await agent.findConversation(dir), undefined);
    assert.equal(await agent.hasId?.(dir, B), agent.hasId && false);
    const parts = agent.name === 'gemini' ? 2 : 1;
    assert.ok((await read()) - before < parts * 65 * mib, `${name}: ${((await read()) - before) / mib} MiB`);
  }
});

test('where nothing was said, an agent starts afresh', async t => {
  const dir = await session(t);
  for (const name of ['claude', 'codex', 'opencode', 'gemini'])
    assert.equal(await resumeOf(agentNamed(name), dir, '/workspace'), undefined, name);
});

test('codex, gemini and opencode: what the program itself said is no prompt', async t => {
  const dir = await session(t);
  const codex = (role: string, text: string) => ({
    type: 'response_item',
    payload: { type: 'message', role, content: [{ type: 'input_text', text }] },
  });
  await put(join(dir, `.codex/sessions/2026/01/02/rollout-2026-01-02T00-00-00-${A}.jsonl`), [
    { type: 'session_meta' },
    codex('developer', 'rules'),
    codex('user', '<environment_context>x</environment_context>'),
    codex('user', 'codex question'),
    codex('assistant', 'codex answer'),
  ]);
  await put(join(dir, '.gemini/tmp/workspace/chats/session-1.jsonl'), [
    { sessionId: B },
    { $set: { messages: [] } },
    { type: 'user', content: [{ text: 'gemini question' }] },
    { type: 'info', content: 'Request cancelled.' },
    { type: 'gemini', content: 'gemini answer' },
  ]);
  const said = (id: string, role: string, text: string) => ({ session: id, role, text, at: 1_700_000_000_000 });
  await put(join(dir, '.local/share/opencode/db/transcript.jsonl'), [
    said('ses_a', 'user', 'older'),
    said('ses_b', 'user', 'opencode question'),
    said('ses_b', 'assistant', 'opencode answer'),
    said('../../etc', 'user', 'bad id'),
  ]);
  for (const [name, id] of [
    ['codex', A],
    ['gemini', B],
    ['opencode', 'ses_b'],
  ] as const) {
    const agent = agentNamed(name);
    const found = await agent.findConversation(dir);
    assert.equal(found?.agentSessionId, id);
    assert.equal(found?.title, `${name} question`);
    assert.deepEqual(
      (await agent.transcript(dir)).map(line => [line.role, line.text]),
      [
        ['user', `${name} question`],
        ['assistant', `${name} answer`],
      ],
    );
  }
});

test('no symlink is followed at any depth, no FIFO waited for, and text comes without control characters', {
  timeout: 10_000,
}, async t => {
  const dir = await session(t);
  const outside = await session(t);
  const { findConversation, transcript } = agentNamed('claude');
  await put(join(outside, 'p', `${A}.jsonl`), [claudeUser('of the host')]);
  await mkdir(join(dir, '.claude/projects/real'), { recursive: true });
  await symlink(join(outside, 'p'), join(dir, '.claude/projects/-workspace'));
  await symlink(join(outside, 'p', `${A}.jsonl`), join(dir, '.claude/projects/real', `${A}.jsonl`));
  execFileSync('mkfifo', [join(dir, '.claude/projects/real', `${B}.jsonl`)]);
  assert.equal(await findConversation(dir), undefined);
  assert.deepEqual(await transcript(dir, A), []);
  await rm(join(dir, '.claude'), { recursive: true });
  await symlink(outside, join(dir, '.claude'));
  await symlink(join(outside, 'p'), join(outside, 'projects'));
  assert.equal(await findConversation(dir), undefined, 'the state directory itself');
  await rm(join(dir, '.claude'));
  await put(join(dir, '.claude/projects/x', `${A}.jsonl`), [
    claudeUser('a\u001b[31mred\u001b]0;title\u0007\u202etext\nline'),
  ]);
  assert.deepEqual(await transcript(dir), [{ role: 'user', text: 'aredtext\nline' }]);
});

test('a huge conversation is read by its end, and a directory of thousands of files in part', async t => {
  const dir = await session(t);
  const { transcript, findConversation } = agentNamed('claude');
  const line = `${JSON.stringify(claudeUser('x'.repeat(1000)))}\n`;
  const path = join(dir, '.claude/projects/-workspace', `${A}.jsonl`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${line.repeat(20_000)}${JSON.stringify(claudeUser('the last'))}\n`);
  const lines = await transcript(dir);
  assert.ok(lines.length <= 5000);
  assert.equal(lines.at(-1)?.text, 'the last');
  assert.ok(((await findConversation(dir))?.title?.length ?? 0) <= 4096);
});

test('gemini: the history that it writes anew when a request is cancelled is not said twice', async t => {
  const dir = await session(t);
  const line = (type: string, id: string, second: number, text: string) => ({
    type,
    id,
    timestamp: `2026-01-01T00:00:0${second}.000Z`,
    content: [{ text }],
  });
  await put(join(dir, '.gemini/tmp/workspace/chats/session-1.jsonl'), [
    { sessionId: B },
    line('user', 'a', 1, 'first'),
    line('gemini', 'b', 2, ''),
    line('gemini', 'b', 2, 'answer'),
    line('user', 'c', 3, 'cancelled'),
    { type: 'info', content: 'Request cancelled.' },
    line('user', 'd', 4, '<session_context>\nwhere it is</session_context>first'),
    line('gemini', 'e', 4, 'answer'),
    { $set: { messages: [] } },
    line('user', 'f', 5, 'last'),
  ]);
  const told = (await agentNamed('gemini').transcript(dir)).map(entry => entry.text);
  assert.deepEqual(told, ['first', 'answer', 'cancelled', 'last']);
});
