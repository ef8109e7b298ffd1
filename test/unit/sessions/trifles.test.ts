import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { agentNamed } from '../../../server/agents/registry.ts';
import { mountedDirs } from '../../../server/agents/signal.ts';
import { ID, isFailure, OWNER, place, said } from './support.ts';

test('a session goes with its container only when nothing was said in it, and it was not opened since', async t => {
  const { home, store } = await place(t);
  const make = (agent: string) => store.create({ agent, workspace: '/w', path: '/workspace', persistent: false });
  const goes = async ({ id, savedAt }: { id: string; savedAt: string }) => store.removeEmpty(id, savedAt);
  assert.equal(await goes(await make('shell')), true);
  const empty = await make('claude');
  await store.prepare(empty, mountedDirs(agentNamed('claude')), OWNER, '/h');
  const plan = join(home, '.coi/sessions-claude', empty.id, '.claude/plans/plan.md');
  await writeFile(plan, 'x'.repeat(99_999));
  assert.equal(await goes({ ...empty, savedAt: '2026-01-01T00:00:00.000Z' }), false);
  assert.equal(await goes(empty), true);
  await assert.rejects(store.get(empty.id), isFailure('not-found'));
  for (const agent of ['shell', 'claude']) {
    const { id } = await make(agent);
    assert.equal(await goes(await store.rename(id, 'mine')), false, `${agent} with a name of the user's`);
  }
  const full = await make('claude');
  await said(home, full.id, 1_700_000_000);
  assert.equal(await goes(full), false);
  // What keeps a database, which is not read here, may have more in it than it told of; others keep theirs to themselves.
  const opencode = await make('opencode');
  await mkdir(join(home, '.coi/sessions-opencode', opencode.id, '.local/share/opencode/db'), { recursive: true });
  await writeFile(
    join(home, '.coi/sessions-opencode', opencode.id, '.local/share/opencode/db/opencode.db'),
    'x'.repeat(99_999),
  );
  assert.equal(await goes(opencode), false);
});

test('a session stays where something may have been said that nobody here understands, or was said before', async t => {
  const { home, store } = await place(t);
  const base = { workspace: '/w', path: '/workspace', persistent: false };
  const kept = async (agent: string, file: string, ...lines: (object | string)[]) => {
    const { id, savedAt } = await store.create({ ...base, agent });
    const path = join(home, `.coi/sessions-${agent}`, id, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
    return !(await store.removeEmpty(id, savedAt));
  };
  const claude = `.claude/projects/-workspace/${ID}.jsonl`;
  const codex = `.codex/sessions/2026/01/02/rollout-2026-01-02T00-00-00-${ID}.jsonl`;
  const gemini = '.gemini/tmp/workspace/chats/session-1.jsonl';
  assert.equal(await kept('claude', claude, { type: 'summary' }, { format: 'of the future' }), true);
  assert.equal(await kept('codex', codex, { type: 'session_meta' }, { type: 'message.v9', body: 'said' }), true);
  assert.equal(await kept('claude', claude, '{"type":"user","message":{"cont'), true);
  assert.equal(await kept('claude', claude, { type: 'file-history-snapshot' }, { type: 'mode' }, ''), false);
  assert.equal(await kept('codex', codex, { type: 'session_meta' }, { type: 'turn_context' }), false);
  assert.equal(await kept('gemini', gemini, { sessionId: ID }, { $set: { messages: [] } }), false);
  assert.equal(await kept('gemini', '.gemini/tmp/workspace/logs.json', '[]'), false);
  for (const change of [{ lastActivityAt: '2026-01-02T03:04:05.000Z' }, { agentSessionId: ID }]) {
    const { id, savedAt } = await store.create({ ...base, agent: 'claude' });
    await store.update(id, change);
    assert.equal(await store.removeEmpty(id, savedAt), false);
  }
});
