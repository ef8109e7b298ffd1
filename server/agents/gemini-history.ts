import type { FoundFile } from '../base/beneath.ts';
import type { TranscriptEntry } from '../protocol/types.ts';
import {
  allLines,
  type Budget,
  bounded,
  changedAt,
  contentText,
  fullBudget,
  type Gist,
  gistOf,
  type Json,
  newestFiles,
  text,
  time,
  toLookAt,
} from './history.ts';
import type { Conversation } from './types.ts';

/** `tmp/<project>/chats/session-<time>-<8 hex>.jsonl`; the first line has the conversation's UUID. */
const SAVED = '.gemini/tmp';
const NAME = /^session-.*\.jsonl$/;

/** The newest conversation of a session in which something was said; `known`, by whose id files are called, comes first. */
export async function geminiConversation(
  sessionDir: string,
  _path?: string,
  known?: string,
  before?: string,
): Promise<Conversation | undefined> {
  const files = await conversationFiles(sessionDir);
  const is = ({ parts }: FoundFile, id: string) => parts.at(-1)?.endsWith(`-${id.slice(0, 8)}.jsonl`) === true;
  const budget = fullBudget();
  for (const file of toLookAt(files, is, known, before)) {
    const { said, prompt, id: agentSessionId } = await geminiGist(sessionDir, file, budget);
    if (said && agentSessionId !== undefined) {
      const title = prompt === undefined ? {} : { title: prompt.slice(0, 4096) };
      return { agentSessionId, ...title, lastActivityAt: changedAt(file) };
    }
  }
  return undefined;
}

export async function geminiTranscript(sessionDir: string, id?: string): Promise<TranscriptEntry[]> {
  const budget = fullBudget();
  for (const file of (await conversationFiles(sessionDir)).slice(0, 50)) {
    const gist = await geminiGist(sessionDir, file, budget);
    if (id === undefined ? gist.said : gist.id === id) return bounded(messages(await allLines(sessionDir, file)));
  }
  return [];
}

/** Whether a conversation of that id is there already, also one in which nothing was said. */
export async function geminiHas(sessionDir: string, id: string): Promise<boolean> {
  const budget = fullBudget();
  for (const file of await conversationFiles(sessionDir)) {
    const gist = await gistOf(sessionDir, file, note, ({ id: found }) => found !== undefined, budget);
    if (gist.id === id) return true;
  }
  return false;
}

function geminiGist(sessionDir: string, file: FoundFile, budget: Budget): Promise<Gist> {
  return gistOf(sessionDir, file, note, gist => gist.prompt !== undefined, budget);
}

function note(gist: Gist, line: Json): void {
  const id = text(line.sessionId);
  if (id !== undefined && /^[0-9a-f-]{36}$/.test(id)) gist.id ??= id;
  if (line.type !== 'user' && line.type !== 'gemini') return;
  const words = contentText(line.content, ['text']);
  // Its note about the surroundings is not said by anybody.
  if (words.startsWith(CONTEXT)) return;
  gist.said = true;
  if (line.type === 'user' && words !== '') gist.prompt ??= words;
}

async function conversationFiles(sessionDir: string): Promise<FoundFile[]> {
  const files = await newestFiles(sessionDir, SAVED, 2, name => NAME.test(name));
  return files.filter(file => file.parts.at(-2) === 'chats');
}

const CONTEXT = '<session_context>';

interface Message {
  role: string;
  text: string;
  at: string | undefined;
}

/**
 * What was said. When a request is cancelled the program writes its whole history anew, all at one instant and with new ids,
 * and its note about the surroundings with it, which is no message.
 */
function messages(lines: readonly Json[]): Message[] {
  const known = new Map<unknown, Message>();
  /** The ids of what was written at one instant. */
  const together = new Map<string, Set<unknown>>();
  for (const [i, line] of lines.entries()) {
    if (line.type !== 'user' && line.type !== 'gemini') continue;
    const said = contentText(line.content, ['text']);
    const at = time(line.timestamp);
    const id = line.id ?? i;
    if (at !== undefined) together.set(at, (together.get(at) ?? new Set()).add(id));
    if (said === '' || said.startsWith(CONTEXT)) continue;
    known.set(id, { role: line.type === 'user' ? 'user' : 'assistant', text: said, at });
  }
  return [...known.values()].filter(({ at }) => at === undefined || together.get(at)?.size === 1);
}
