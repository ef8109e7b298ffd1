import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chown, lchown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const ROOT = process.getuid?.() === 0;
const USER = 12345;
const ID = '0a0a0a0a-1111-4111-8111-111111111111';
const OTHER = 'ffffffff-1111-4111-8111-111111111111';

/** What a backend that runs as an ordinary user does with a session; in a process of its own, which gives root up. */
const CHILD = `
const [home, id, savedAt] = process.argv.slice(1);
const { SessionStore } = await import('${import.meta.resolve('../../../server/sessions/store.ts')}');
const { agentNamed } = await import('${import.meta.resolve('../../../server/agents/registry.ts')}');
const { resumeOf } = await import('${import.meta.resolve('../../../server/agents/resume.ts')}');
const { silentLog } = await import('${import.meta.resolve('../../../server/base/log.ts')}');
process.setgroups([]);
process.setegid(${USER});
process.seteuid(${USER});
const store = new SessionStore({ home, log: silentLog, reader: agentNamed });
const tried = async work => {
  try { return await work(); } catch (error) { return { kind: error.kind ?? error.code, message: error.message, hint: error.hint }; }
};
console.log(JSON.stringify({
  title: await tried(async () => (await store.refresh(id)).title),
  transcript: await tried(() => store.transcript(id)),
  resume: await tried(async () => await resumeOf(agentNamed('claude'), store.directory('claude', id), '/workspace', { said: true }) ?? null),
  goes: await tried(() => store.removeEmpty(id, savedAt)),
  removed: await tried(() => store.remove(id)),
  listed: await tried(async () => (await store.list()).map(s => s.id)),
}));
`;

/** A session of that user with files of root's in it. */
async function place(t: TestContext) {
  const home = await mkdtemp(join(tmpdir(), 'ia-refused-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const dir = join(home, '.coi/sessions-claude', ID);
  const projects = join(dir, '.claude/projects');
  await mkdir(join(projects, '-workspace'), { recursive: true });
  const savedAt = '2026-02-03T04:05:06.000Z';
  await writeFile(join(dir, 'metadata.json'), JSON.stringify({ session_id: ID, workspace: '/w', saved_at: savedAt }));
  const said = (id: string) => JSON.stringify({ type: 'user', message: { content: `said in ${id}` } });
  const put = async (id: string, mode: number, uid: number) => {
    const path = join(projects, '-workspace', `${id}.jsonl`);
    await writeFile(path, said(id), { mode });
    await chown(path, uid, uid);
  };
  const run = async () => {
    for (const name of await readdir(home, { recursive: true })) {
      if (!name.includes('.jsonl') && !name.includes('root-made')) await lchown(join(home, name), USER, USER);
    }
    await chown(home, USER, USER);
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', CHILD, home, ID, savedAt], {
      encoding: 'utf8',
    });
    return JSON.parse(output);
  };
  return { dir, projects, put, run };
}

test('what root inside made hides nothing of a conversation beside it, and what cannot be deleted says how', {
  skip: !ROOT,
}, async t => {
  const { dir, projects, put, run } = await place(t);
  await mkdir(join(projects, 'root-made'), { mode: 0o700 });
  await writeFile(join(projects, 'root-made/file'), '', { mode: 0o600 });
  await put(OTHER, 0o600, 0);
  await put(ID, 0o600, USER);
  const { title, transcript, resume, goes, removed, listed } = await run();
  assert.equal(title, `said in ${ID}`);
  assert.deepEqual(transcript, [{ role: 'user', text: `said in ${ID}` }]);
  assert.deepEqual(resume, { agentSessionId: ID });
  assert.equal(goes, false);
  assert.equal(removed.kind, 'permission');
  assert.match(removed.message, /cannot be deleted: some of its files are another user's/);
  assert.equal(removed.hint, `Run: sudo rm -rf '${dir}'`);
  assert.deepEqual(listed, [ID], 'it can be tried again');
});

test('a conversation that cannot be read is not taken for none', { skip: !ROOT }, async t => {
  for (const prepare of [
    (made: Awaited<ReturnType<typeof place>>) => made.put(ID, 0o600, 0),
    (made: Awaited<ReturnType<typeof place>>) => mkdir(join(made.projects, 'root-made'), { mode: 0o700 }),
  ]) {
    const made = await place(t);
    await prepare(made);
    const { transcript, resume, goes } = await made.run();
    assert.deepEqual(transcript, []);
    assert.equal(resume.kind, 'not-found');
    assert.match(resume.message, /or cannot be read there/);
    assert.equal(goes, false);
  }
});
