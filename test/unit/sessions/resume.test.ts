import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { agentNamed } from '../../../server/agents/registry.ts';
import { resumeOf } from '../../../server/agents/resume.ts';
import { Failure } from '../../../server/base/errors.ts';

const ID = '11111111-1111-4111-8111-111111111111';

/** Where each agent keeps a conversation, and one of it. */
const CONVERSATIONS: Readonly<Record<string, [path: string, lines: unknown[], id: string]>> = {
  claude: [`.claude/projects/-workspace/${ID}.jsonl`, [{ type: 'user', message: { content: 'said' } }], ID],
  codex: [
    `.codex/sessions/2026/01/02/rollout-2026-01-02T00-00-00-${ID}.jsonl`,
    [{ type: 'event_msg', payload: { type: 'user_message', message: 'said' } }],
    ID,
  ],
  gemini: [
    '.gemini/tmp/workspace/chats/session-1.jsonl',
    [{ sessionId: ID }, { type: 'user', content: [{ text: 'said' }] }],
    ID,
  ],
  opencode: ['.local/share/opencode/db/transcript.jsonl', [{ session: 'ses_1', role: 'user', text: 'said' }], 'ses_1'],
};

for (const [name, [path, lines, id]] of Object.entries(CONVERSATIONS)) {
  test(`${name}: a conversation that was there and is gone, or cannot be read, is no reason to begin another`, async t => {
    const dir = await mkdtemp(join(tmpdir(), 'ia-resume-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const file = join(dir, path);
    const resume = (said: boolean) => resumeOf(agentNamed(name), dir, '/workspace', { said });
    const lost = (error: unknown) =>
      error instanceof Failure && error.kind === 'not-found' && error.message.includes(dir) && error.hint !== undefined;
    await assert.rejects(resume(true), lost);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, lines.map(line => JSON.stringify(line)).join('\n'));
    assert.deepEqual(await resume(true), { agentSessionId: id });
    await writeFile(file, '{"format":"of the future"}\n');
    await assert.rejects(resume(true), lost);
    assert.equal(await resume(false), undefined);
  });
}

test('what keeps nothing with us decides by itself', async () => {
  assert.deepEqual(await resumeOf(agentNamed('shell'), '/nowhere', '/workspace', { said: true }), {});
});
