import type { FoundFile } from '../base/beneath.ts';
import type { TranscriptEntry } from '../protocol/types.ts';
import {
  allLines,
  bounded,
  changedAt,
  contentText,
  headLines,
  type Json,
  newestFiles,
  object,
  time,
} from './history.ts';
import type { Conversation } from './types.ts';

/** `sessions/YYYY/MM/DD/rollout-<time>-<UUID>.jsonl`. */
const SAVED = '.codex/sessions';
const NAME = /^rollout-.*-([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.jsonl$/;

export async function codexConversation(sessionDir: string): Promise<Conversation | undefined> {
  for (const file of (await conversationFiles(sessionDir)).slice(0, 20)) {
    const agentSessionId = idOf(file);
    const prompt = messages(await headLines(sessionDir, file)).find(message => message.role === 'user');
    if (agentSessionId !== undefined && prompt !== undefined)
      return { agentSessionId, title: prompt.text.slice(0, 4096), lastActivityAt: changedAt(file) };
  }
  return undefined;
}

export async function codexTranscript(sessionDir: string, id?: string): Promise<TranscriptEntry[]> {
  const wanted = id ?? (await codexConversation(sessionDir))?.agentSessionId;
  const file = (await conversationFiles(sessionDir)).find(candidate => idOf(candidate) === wanted);
  return file === undefined ? [] : bounded(messages(await allLines(sessionDir, file)));
}

function conversationFiles(sessionDir: string): Promise<FoundFile[]> {
  return newestFiles(sessionDir, SAVED, 3, name => NAME.test(name));
}

function idOf(file: FoundFile): string | undefined {
  return NAME.exec(file.parts.at(-1) ?? '')?.[1];
}

/** Messages of people and model. What the program itself puts into the user's role is wrapped in a tag. */
function messages(lines: readonly Json[]): { role: string; text: string; at: string | undefined }[] {
  return lines
    .filter(line => line.type === 'response_item' && object(line.payload).type === 'message')
    .map(line => ({ line, payload: object(line.payload) }))
    .map(({ line, payload }) => ({
      role: String(payload.role),
      text: contentText(payload.content, ['input_text', 'output_text', 'text']),
      at: time(line.timestamp),
    }))
    .filter(({ role, text }) => role === 'assistant' || (role === 'user' && !/^\s*(<|# AGENTS\.md)/.test(text)));
}
