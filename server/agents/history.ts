import { type FoundFile, filesBeneath, readBeneath } from '../base/beneath.ts';
import { plainText } from '../base/plain.ts';
import type { TranscriptEntry } from '../protocol/types.ts';

/** What is read of a conversation to find its first prompt, and what is shown of it at most. Bytes. */
const HEAD = 256 * 1024;
export const WHOLE = 16 * 1024 * 1024;
const LINE = 2 * 1024 * 1024;
/** Entries and characters per entry of a transcript. */
export const MAX_ENTRIES = 5000;
const MAX_TEXT = 100_000;

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

/** The first lines of a file of JSON lines; what is no JSON object is left out. */
export async function headLines(sessionDir: string, file: FoundFile): Promise<Json[]> {
  return jsonLines(await readBeneath(sessionDir, file.parts, HEAD));
}

/** All lines of a file of JSON lines; of a very large one, the last ones. */
export async function allLines(sessionDir: string, file: FoundFile): Promise<Json[]> {
  return jsonLines(await readBeneath(sessionDir, file.parts, WHOLE, true));
}

function jsonLines(data: Buffer | undefined): Json[] {
  const lines: Json[] = [];
  for (const line of (data?.toString('utf8') ?? '').split('\n')) {
    if (line === '' || line.length > LINE) continue;
    try {
      lines.push(object(JSON.parse(line)));
    } catch {
      // Cut off at either end of what was read, or being written at this moment.
    }
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

/** When a file was changed last, as RFC 3339. */
export function changedAt(file: FoundFile): string {
  return new Date(file.modifiedMs).toISOString();
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
