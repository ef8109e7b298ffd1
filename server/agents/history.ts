import { type FoundFile, filesBeneath, readBeneath, scanBeneath } from '../base/beneath.ts';
import { plainText } from '../base/plain.ts';
import type { TranscriptEntry } from '../protocol/types.ts';

/**
 * What is read of a session's conversations to find the one in which something was said, where its first prompt is looked for, what is shown of it
 * at most, and the longest line that is understood: a pasted image alone may have some megabytes. Bytes.
 */
const SCAN = 64 * 1024 * 1024;
const FIRST = 16 * 1024 * 1024;
export const WHOLE = 16 * 1024 * 1024;
const LINE = 8 * 1024 * 1024;
/** Entries and characters per entry of a transcript. */
export const MAX_ENTRIES = 5000;
export const MAX_TEXT = 100_000;

export type Json = Readonly<Record<string, unknown>>;

/** A value as an object, or an empty one: what an agent wrote down can be anything. */
export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** A value as a text, or undefined. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A time that an agent wrote down as RFC 3339 in UTC, or undefined when it is none. */
export function time(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** The files of a session's state that an agent wrote, the one that was changed last first. */
export async function newestFiles(
  sessionDir: string,
  saved: string,
  depth: number,
  accept: (name: string) => boolean,
): Promise<FoundFile[]> {
  const files = await filesBeneath(sessionDir, saved.split('/'), { depth, accept });
  return files.sort((a, b) => b.modifiedMs - a.modifiedMs);
}

/**
 * The files of conversations in which the session's own is looked for, in this order. `is` tells whether a file is of that id; for
 * `known` and `before` see Agent. Where both are known, others are those of helpers and scripts: none takes the place of one that is gone.
 */
export function toLookAt(
  files: readonly FoundFile[],
  is: (file: FoundFile, id: string) => boolean,
  known: string | undefined,
  before: string | undefined,
): FoundFile[] {
  const of = (id: string | undefined) => (id === undefined ? [] : files.filter(file => is(file, id)));
  const others = known !== undefined && before !== undefined ? of(before) : files;
  return [...new Set([...of(known), ...others])].slice(0, 20);
}

/** What one look at a session's files may still read (bytes). */
export interface Budget {
  left: number;
}

/** The budget of a look that has not begun. */
export function fullBudget(): Budget {
  return { left: SCAN };
}

/** What is asked of a conversation's file. */
export interface Gist {
  /** Something was said, so that the agent can take it up again. */
  said: boolean;
  /** The first prompt that has words. */
  prompt?: string;
  /** The conversation's id, where the file has it. */
  id?: string;
  /** Not a person held it but a helper or a script of the agent, where the file says so. */
  helper?: boolean;
  /** Who answers it, where the file says so. */
  provider?: string;
}

/**
 * Reads a file of JSON lines from its beginning until what is asked is known; a line that is too long counts by its type alone.
 * `note` takes what a line adds; of a file for which the budget does not suffice the rest counts as empty.
 */
export async function gistOf(
  sessionDir: string,
  file: FoundFile,
  note: (gist: Gist, line: Json) => void,
  complete: (gist: Gist) => boolean,
  budget: Budget,
): Promise<Gist> {
  const gist: Gist = { said: false };
  const lines = new LineReader(line => note(gist, line));
  let read = 0;
  await scanBeneath(sessionDir, file.parts, budget.left, piece => {
    read += piece.length;
    budget.left -= piece.length;
    lines.take(piece);
    return complete(gist) || (gist.said && read >= FIRST);
  });
  lines.end();
  return gist;
}

/** Makes lines of pieces. Of one that is too long only the beginning is kept. */
class LineReader {
  readonly #line: (line: Json) => void;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(line: (line: Json) => void) {
    this.#line = line;
  }

  take(piece: Buffer): void {
    let from = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      this.#keep(piece.subarray(from, end));
      this.end();
      from = end + 1;
    }
    this.#keep(piece.subarray(from));
  }

  end(): void {
    const whole = this.#length <= LINE;
    const line = Buffer.concat(this.#pieces).toString('utf8');
    this.#pieces = [];
    this.#length = 0;
    const found = whole ? parsed(line) : beginning(line);
    if (found !== undefined) this.#line(found);
  }

  #keep(piece: Buffer): void {
    if (this.#length <= LINE) this.#pieces.push(piece);
    this.#length += piece.length;
  }
}

/** What kind of a line it is whose end was not read. */
function beginning(line: string): Json | undefined {
  const type = /"type":\s?"(\w{1,40})"/.exec(line.slice(0, 4096))?.[1];
  return type === undefined ? undefined : { type, cut: true };
}

function parsed(line: string): Json | undefined {
  if (line === '') return undefined;
  try {
    return object(JSON.parse(line));
  } catch {
    return undefined; // Cut off at either end of what was read, or being written at this moment.
  }
}

/** All lines of a file of JSON lines; of a very large one, the last ones. */
export async function allLines(sessionDir: string, file: FoundFile): Promise<Json[]> {
  return jsonLines(await readBeneath(sessionDir, file.parts, WHOLE, true));
}

function jsonLines(data: Buffer | undefined): Json[] {
  const lines: Json[] = [];
  for (const line of (data?.toString('utf8') ?? '').split('\n')) {
    const found = line.length > LINE ? undefined : parsed(line);
    if (found !== undefined) lines.push(found);
  }
  return lines;
}

/** A transcript of what an agent wrote down, bounded and fit to be shown as plain text. */
export function bounded(entries: Iterable<{ role: string; text: string; at?: string | undefined }>): TranscriptEntry[] {
  const result: TranscriptEntry[] = [];
  for (const { role, text: raw, at } of entries) {
    const clean = plainText(raw, MAX_TEXT).trim();
    if (clean !== '') result.push({ role, text: clean, ...(at === undefined ? {} : { at }) });
  }
  return result.slice(-MAX_ENTRIES);
}

/**
 * When a file was changed last, as RFC 3339; undefined where its time is none or ahead of now. An agent can give a file any time, and
 * what is never overtaken would be the latest for ever.
 */
export function changedAt(file: FoundFile): string | undefined {
  const at = Math.trunc(file.modifiedMs);
  return at >= 0 && at <= Date.now() ? new Date(at).toISOString() : undefined;
}

/** The text parts of a message's content, which is a text or a list of parts. */
export function contentText(content: unknown, types: readonly string[]): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map(object)
    .filter(part => part.type === undefined || types.includes(String(part.type)))
    .map(part => text(part.text) ?? '')
    .filter(part => part !== '')
    .join('\n');
}
