import { chown } from 'node:fs/promises';
import { agentNamed } from '../agents/registry.ts';
import type { StateDir } from '../agents/types.ts';
import { withDirectory } from '../base/beneath.ts';
import { Failure } from '../base/errors.ts';
import { isName, writeBeneath } from '../base/write-beneath.ts';
import type { SessionRecord } from '../sessions/types.ts';
import type { FlowDeps } from './deps.ts';

/** What is copied out of a container at most, and how deep its directories are looked into. */
const MOST = { entries: 5000, depth: 8, fileBytes: 64 * 1024 * 1024, bytes: 1024 * 1024 * 1024 };

/** Where coi's images have the agent's home; /root in one without the user `code`. */
const HOMES = ['/home/code', '/root'];

interface InnerFile {
  /** Where it is inside. */
  path: string;
  /** Where it belongs below the session's directory, as names. */
  parts: string[];
  modifiedMs: number;
}

/** Whether an agent has written down anything in a container. */
export async function hasConversation(
  deps: FlowDeps,
  container: string,
  agent: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const dirs = conversationDirs(agent).filter(dir => dir.aside !== true);
  return (await filesIn(deps, container, dirs, signal)).length > 0;
}

/**
 * Copies an agent's conversations out of a container into the session's directory, over older copies. The container has to be stopped:
 * nothing inside changes then. All of it is hostile: symlinks are not followed, neither there nor here, and its size is bounded.
 * Fails with `invalid` when there is more than that.
 */
export async function copyConversation(
  deps: FlowDeps,
  container: string,
  { agent, id }: SessionRecord,
  signal?: AbortSignal,
): Promise<void> {
  const root = deps.sessions.directory(agent, id);
  await ownAgain(root, agent);
  for (const { path, parts, modifiedMs } of await filesIn(deps, container, conversationDirs(agent), signal)) {
    const data = await deps.incus.readFile(container, path, { ...given(signal), limit: MOST.fileBytes });
    if (data !== undefined) await writeBeneath(root, parts, data, modifiedMs);
  }
}

/** What belongs to the backend's user is given to the workspace's owner as a whole when the session is opened next. */
async function ownAgain(root: string, agent: string): Promise<void> {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  if (uid !== 0 || gid === undefined) return;
  for (const { saved } of conversationDirs(agent))
    await withDirectory(root, saved.split('/'), open => chown(open, uid, gid));
}

function conversationDirs(agent: string) {
  return agentNamed(agent).stateDirs.filter(dir => dir.volatile !== true);
}

async function filesIn(
  deps: FlowDeps,
  container: string,
  dirs: readonly StateDir[],
  signal?: AbortSignal,
): Promise<InnerFile[]> {
  const found: InnerFile[] = [];
  const budget = { entries: MOST.entries, bytes: MOST.bytes };
  for (const { saved, home } of dirs) for (const at of HOMES) await look(`${at}/${home}`, saved.split('/'), 0);
  return found;

  async function look(path: string, parts: string[], depth: number): Promise<void> {
    const stat = await deps.incus.statFile(container, path, given(signal));
    if (stat?.type === 'symlink' && depth === 0) throw new Failure('invalid', `${path} is a symlink in it.`);
    // What is no regular file has no size, and an empty one holds nothing.
    if (stat?.type === 'file' && stat.size) {
      budget.bytes -= stat.size;
      if (stat.size > MOST.fileBytes || budget.bytes < 0) throw tooMuch();
      found.push({ path, parts, modifiedMs: Math.min(stat.modifiedMs ?? 0, Date.now()) });
    }
    if (stat?.type !== 'directory') return;
    if (depth > MOST.depth) throw tooMuch();
    for (const name of (await deps.incus.listDirectory(container, path, given(signal))) ?? []) {
      if (budget.entries-- <= 0) throw tooMuch();
      if (isName(name)) await look(`${path}/${name}`, [...parts, name], depth + 1);
    }
  }
}

function given(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function tooMuch(): Failure {
  const megabytes = (bytes: number) => `${bytes / 1024 / 1024} MiB`;
  const most = `${MOST.entries} entries of ${megabytes(MOST.fileBytes)} at most, ${megabytes(MOST.bytes)} together`;
  return new Failure('invalid', `It is larger than what is copied (${most}).`);
}
