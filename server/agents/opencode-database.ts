import type { Reads, UntrustedDatabase } from '../base/sqlite.ts';
import { DamagedDatabase } from '../base/sqlite-pages.ts';
import type { Row } from '../base/sqlite-record.ts';
import { type Json, MAX_ENTRIES, MAX_TEXT, object, text, time, WHOLE } from './history.ts';

/** Tables of logins: to opencode's own service, an older form of it, and to providers. */
export const LOGIN_TABLES: readonly string[] = ['account', 'control_account', 'credential'];

/** A conversation as opencode's database has it. */
export interface StoredConversation {
  id: string;
  /** Where it was held. */
  directory: string;
  /** When something happened in it last, as RFC 3339. */
  changed: string | undefined;
  said: { role: string; text: string; at: string | undefined }[];
}

/**
 * The conversation of some directories in which something happened last, of those in which something was said; a helper's is none.
 * Facts from the program's 1.18: tables `session`, `message` and `part`, the latter two with their data as JSON.
 */
export async function storedConversation(
  database: UntrustedDatabase,
  directories: readonly string[],
): Promise<StoredConversation | undefined> {
  const newest = await newestConversation(database, directories);
  if (newest === undefined) return undefined;
  const { id, directory, updated } = newest;
  return { id, directory, changed: time(updated), said: await saidIn(database, id) };
}

/** Which one that is, without what was said. */
export async function newestConversation(
  database: UntrustedDatabase,
  directories: readonly string[],
): Promise<{ id: string; directory: string; updated: number } | undefined> {
  const spoken = new Set<string>();
  for await (const { session_id: session } of database.rows('message', ['session_id'])) {
    if (typeof session === 'string' && OPENCODE_ID.test(session)) kept(spoken).add(session);
  }
  let newest: { id: string; directory: string; updated: number } | undefined;
  for await (const row of database.rows('session', SESSION_COLUMNS)) {
    const { id, directory, time_updated: updated } = row;
    if (typeof id !== 'string' || !OPENCODE_ID.test(id) || typeof directory !== 'string' || typeof updated !== 'number')
      continue;
    const hidden = typeof row.parent_id === 'string' || typeof row.time_archived === 'number';
    if (hidden || !directories.includes(directory) || !spoken.has(id)) continue;
    if (newest === undefined || updated > newest.updated) newest = { id, directory, updated };
  }
  return newest;
}

const SESSION_COLUMNS = ['id', 'parent_id', 'directory', 'time_updated', 'time_archived'] as const;

/** As the program makes the ids of its conversations. */
export const OPENCODE_ID = /^ses_[A-Za-z0-9]{1,64}$/;

const MESSAGE_ID = /^msg_[A-Za-z0-9]{1,64}$/;

/** Conversations of a database, and messages of one, that are kept in mind. */
const MOST = 200_000;

function kept<T extends { size: number }>(found: T): T {
  if (found.size >= MOST) throw new DamagedDatabase('more was said than can be read');
  return found;
}

/** What was said in a conversation, of a very long one its first words and its end; what the program put into it itself is left out. */
async function saidIn(database: UntrustedDatabase, session: string): Promise<StoredConversation['said']> {
  const messages = new Map<unknown, { role: string; created: number }>();
  for await (const row of database.rows('message', MESSAGE_COLUMNS, row =>
    row.session_id === session ? 'beginning' : 'nothing',
  )) {
    const role = wordAt('role', row.data) === 'user' ? 'user' : 'assistant';
    if (typeof row.id !== 'string' || !MESSAGE_ID.test(row.id)) continue;
    kept(messages).set(row.id, { role, created: Number(row.time_created) });
  }
  const parts = new Parts();
  for await (const row of database.rows('part', PART_COLUMNS, row => ofInterest(row, session))) {
    const part = parsed(row.data);
    const content = text(part.text);
    const message = messages.get(row.message_id);
    if (part.type !== 'text' || part.synthetic === true || content === undefined || message === undefined) continue;
    parts.add({ ...message, text: content, id: String(row.id).slice(0, 100) });
  }
  return parts.inOrder().map(({ role, text: content, created }) => ({ role, text: content, at: time(created) }));
}

interface Part {
  id: string;
  role: string;
  text: string;
  created: number;
}

/** What was said, as far as it is shown: the first words, which are the title, and the end. */
class Parts {
  #first: Part | undefined;
  #rest: Part[] = [];
  #length = 0;

  add(part: Part): void {
    // A part of a string would keep the whole one.
    const short = part.text.length <= MAX_TEXT ? part.text : Buffer.from(part.text.slice(0, MAX_TEXT)).toString();
    const own = { ...part, text: short };
    if (this.#first === undefined) {
      this.#first = own;
      return;
    }
    this.#rest.push(own);
    this.#length += short.length;
    if (this.#rest.length > 2 * MAX_ENTRIES || this.#length > 2 * WHOLE) this.#forget();
  }

  inOrder(): Part[] {
    const all = this.#first === undefined ? [] : [this.#first, ...this.#rest];
    // The ids of parts rise with time.
    return all.sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
  }

  #forget(): void {
    while (this.#rest.length > MAX_ENTRIES || this.#length > WHOLE)
      this.#length -= this.#rest.shift()?.text.length ?? 0;
  }
}

const MESSAGE_COLUMNS = ['id', 'session_id', 'time_created', 'data'] as const;
const PART_COLUMNS = ['id', 'message_id', 'session_id', 'data'] as const;

/** Texts of the conversation: most of a database is what tools gave out, and of that not even the pages are read. */
function ofInterest(row: Row<'session_id' | 'data'>, session: string): Reads {
  return row.session_id === session && ['text', undefined].includes(wordAt('type', row.data)) ? 'all' : 'nothing';
}

/** A short value of some JSON of which the end may be missing. */
function wordAt(key: string, data: unknown): string | undefined {
  return new RegExp(`"${key}":"(\\w{1,20})"`).exec((text(data) ?? '').slice(0, 4096))?.[1];
}

function parsed(data: unknown): Json {
  try {
    return object(JSON.parse(text(data) ?? ''));
  } catch {
    return {}; // Longer than what is read of a row, or not the program's.
  }
}
