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

function messages(lines: readonly Json[]): { role: string; text: string; at: string | undefined }[] {
  return lines
    .filter(line => line.type === 'user' || line.type === 'gemini')
    .map(line => ({
      role: line.type === 'user' ? 'user' : 'assistant',
      text: contentText(line.content, ['text']),
      at: time(line.timestamp),
    }))
    .filter(message => message.text !== '');
}
