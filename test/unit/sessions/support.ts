import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentNamed } from '../../../server/agents/registry.ts';
import { Failure } from '../../../server/base/errors.ts';
import { silentLog } from '../../../server/base/log.ts';
import { SessionStore } from '../../../server/sessions/store.ts';

/** A session's id. */
export const ID = '0a0a0a0a-1111-4111-8111-111111111111';
/** Whether the tests run as root, who alone can give files away. */
export const ROOT = process.getuid?.() === 0;
/** Who owns the workspace of the sessions. */
export const OWNER = ROOT ? { uid: 1234, gid: 1235 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

interface Ending {
  after(fn: () => Promise<void> | void): void;
}

/** A home with a store of its own, and what that warned of. */
export async function place(t: Ending): Promise<{ home: string; store: SessionStore; warned: string[] }> {
  const home = await mkdtemp(join(tmpdir(), 'ia-sessions-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const warned: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  return { home, store: new SessionStore({ home, log, reader: name => agentNamed(name) }), warned };
}

/** A session as coi saves it. */
export async function coiSession(home: string, metadata: object | string, id = ID): Promise<string> {
  const dir = join(home, '.coi/sessions-claude', id);
  await mkdir(join(dir, '.claude/projects/-workspace'), { recursive: true });
  const line = { type: 'user', message: { content: 'said to coi' } };
  await writeFile(join(dir, '.claude/projects/-workspace', `${ID}.jsonl`), `${JSON.stringify(line)}\n`);
  await writeFile(join(dir, '.claude/.credentials.json'), '{"secret":1}');
  await writeFile(join(dir, 'metadata.json'), typeof metadata === 'string' ? metadata : JSON.stringify(metadata));
  return dir;
}

/** A record of coi's. */
export const COI = {
  session_id: ID,
  container_name: 'coi-0123abcd-2',
  persistent: true,
  profile_name: 'big',
  workspace: '/home/me/project',
  saved_at: '2026-02-03T04:05:06+01:00',
  from_the_future: { kept: true },
};

/** Whether an error is a failure of that kind. */
export const isFailure = (kind: string) => (error: unknown) => error instanceof Failure && error.kind === kind;

/** Puts a conversation of claude into a session. */
export async function said(home: string, id: string, seconds: number, slug = '-workspace'): Promise<void> {
  const dir = join(home, '.coi/sessions-claude', id, '.claude/projects', slug);
  await mkdir(dir, { recursive: true });
  const path = join(dir, `${id}.jsonl`);
  await writeFile(path, `${JSON.stringify({ type: 'user', message: { content: `said in ${id}` } })}\n`);
  await utimes(path, seconds, seconds);
}
