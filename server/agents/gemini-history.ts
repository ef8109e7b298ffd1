import type { FoundFile } from '../base/beneath.ts';
import type { TranscriptEntry } from '../protocol/types.ts';
import { allLines, bounded, changedAt, contentText, headLines, type Json, newestFiles, text, time } from './history.ts';
import type { Conversation } from './types.ts';

/** `tmp/<project>/chats/session-<time>-<8 hex>.jsonl`; the first line has the conversation's UUID. */
const SAVED = '.gemini/tmp';
const NAME = /^session-.*\.jsonl$/;

export async function geminiConversation(sessionDir: string): Promise<Conversation | undefined> {
  for (const file of (await conversationFiles(sessionDir)).slice(0, 20)) {
    const lines = await headLines(sessionDir, file);
    const agentSessionId = idOf(lines);
    const prompt = messages(lines).find(message => message.role === 'user');
    if (agentSessionId !== undefined && prompt !== undefined)
      return { agentSessionId, title: prompt.text.slice(0, 4096), lastActivityAt: changedAt(file) };
  }
  return undefined;
}

export async function geminiTranscript(sessionDir: string, id?: string): Promise<TranscriptEntry[]> {
  for (const file of (await conversationFiles(sessionDir)).slice(0, 50)) {
    const head = await headLines(sessionDir, file);
    const fits = id === undefined ? messages(head).length > 0 : idOf(head) === id;
    if (fits) return bounded(messages(await allLines(sessionDir, file)));
  }
  return [];
}

async function conversationFiles(sessionDir: string): Promise<FoundFile[]> {
  const files = await newestFiles(sessionDir, SAVED, 2, name => NAME.test(name));
  return files.filter(file => file.parts.at(-2) === 'chats');
}

function idOf(lines: readonly Json[]): string | undefined {
  const id = lines.map(line => text(line.sessionId)).find(value => value !== undefined);
  return id !== undefined && /^[0-9a-f-]{36}$/.test(id) ? id : undefined;
}

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
    if (said === '' || said.startsWith('<session_context>')) continue;
    known.set(id, { role: line.type === 'user' ? 'user' : 'assistant', text: said, at });
  }
  return [...known.values()].filter(({ at }) => at === undefined || together.get(at)?.size === 1);
}
