import { UntrustedDatabase } from '../base/sqlite.ts';
import { DamagedDatabase } from '../base/sqlite-pages.ts';
import { bounded } from './history.ts';
import { copyConversation } from './opencode-copy.ts';
import { newestConversation, type StoredConversation, storedConversation } from './opencode-database.ts';
import { isOfSystem, stampOf, withFiles } from './opencode-files.ts';
import type { Conversation, WorkspaceConversations } from './types.ts';

/** Of how many workspaces is remembered what was found. */
const LATELY = 64;

/**
 * The conversations that coi's opencode left in the workspace, for all its sessions in one database. Agents can write there: no symlink is
 * followed, and the database is read without SQLite. `saved` is the directory of the session that gets the copy.
 */
export function opencodeInWorkspace(saved: string): WorkspaceConversations {
  const conversations = new Lately(async (workspace, [path = '']) => {
    const found = await looked(workspace, database => storedConversation(database, [path]));
    return found && gistOf(found);
  });
  const places = new Lately(
    async (workspace, paths) => (await looked(workspace, database => newestConversation(database, paths)))?.directory,
  );
  return {
    saved,
    find: (workspace, path) => conversations.get(workspace, [path]),
    transcript: async (workspace, path) =>
      bounded((await looked(workspace, database => storedConversation(database, [path])))?.said ?? []),
    pathOf: (workspace, paths) => places.get(workspace, paths),
    copy: copyConversation,
  };
}

function gistOf({ id, changed, said }: StoredConversation): Conversation {
  const prompt = said.find(({ role, text }) => role === 'user' && text.trim() !== '');
  return {
    agentSessionId: id,
    ...(changed === undefined ? {} : { lastActivityAt: changed }),
    ...(prompt === undefined ? {} : { title: prompt.text.slice(0, 4096) }),
  };
}

/** What was found lately, as long as the files are the same: all sessions of a workspace ask for it, and ask again when one is listed. */
class Lately<T> {
  readonly #look: (workspace: string, paths: readonly string[]) => Promise<T | undefined>;
  readonly #known = new Map<string, { stamp: string; found: Promise<T | undefined> }>();

  constructor(look: (workspace: string, paths: readonly string[]) => Promise<T | undefined>) {
    this.#look = look;
  }

  async get(workspace: string, paths: readonly string[]): Promise<T | undefined> {
    const stamp = await orUndefined(() => withFiles(workspace, stampOf));
    if (stamp === undefined) return undefined;
    const key = [workspace, ...paths].join('\0');
    const known = this.#known.get(key);
    if (known?.stamp === stamp) return known.found;
    const found = this.#look(workspace, paths);
    this.#known.delete(key);
    this.#known.set(key, { stamp, found });
    const [oldest] = this.#known.keys();
    if (this.#known.size > LATELY && oldest !== undefined) this.#known.delete(oldest);
    return found;
  }
}

function looked<T>(
  workspace: string,
  look: (database: UntrustedDatabase) => Promise<T | undefined>,
): Promise<T | undefined> {
  return orUndefined(() => withFiles(workspace, files => UntrustedDatabase.read(files, look)));
}

/** Undefined also where something cannot be read: what was said there is shown, not needed. */
async function orUndefined<T>(work: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DamagedDatabase || isOfSystem(error)) return undefined;
    throw error;
  }
}
