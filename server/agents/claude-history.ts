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
  text,
  time,
} from './history.ts';
import type { Conversation } from './types.ts';

/** One JSON lines file per conversation: `projects/<path inside with dashes>/<conversation's UUID>.jsonl`. */
const SAVED = '.claude/projects';
const NAME = /^([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.jsonl$/;

/** The newest conversation of a session in which something was said. */
export async function claudeConversation(sessionDir: string): Promise<Conversation | undefined> {
  for (const file of (await conversationFiles(sessionDir)).slice(0, 20)) {
    const prompt = firstPrompt(await headLines(sessionDir, file));
    const agentSessionId = idOf(file);
    if (prompt !== undefined && agentSessionId !== undefined)
      return { agentSessionId, title: prompt.slice(0, 4096), lastActivityAt: changedAt(file) };
  }
  return undefined;
}

export async function claudeTranscript(sessionDir: string, id?: string): Promise<TranscriptEntry[]> {
  const wanted = id ?? (await claudeConversation(sessionDir))?.agentSessionId;
  const file = (await conversationFiles(sessionDir)).find(candidate => idOf(candidate) === wanted);
  if (file === undefined) return [];
  const lines = (await allLines(sessionDir, file)).filter(isSaid);
  return bounded(lines.map(line => ({ role: String(line.type), text: said(line), at: time(line.timestamp) })));
}

function conversationFiles(sessionDir: string): Promise<FoundFile[]> {
  return newestFiles(sessionDir, SAVED, 1, name => NAME.test(name));
}

function idOf(file: FoundFile): string | undefined {
  return NAME.exec(file.parts.at(-1) ?? '')?.[1];
}

function firstPrompt(lines: readonly Json[]): string | undefined {
  const prompts = lines.filter(line => line.type === 'user' && isSaid(line)).map(said);
  return prompts.find(prompt => prompt !== '' && !prompt.startsWith('<')) ?? prompts.find(prompt => prompt !== '');
}

/** Whether a line is part of the conversation itself: not a note of the program, and not of a helper of the agent. */
function isSaid(line: Json): boolean {
  return (line.type === 'user' || line.type === 'assistant') && line.isMeta !== true && line.isSidechain !== true;
}

function said(line: Json): string {
  const content = object(line.message).content;
  const tools = Array.isArray(content) ? content.map(object).filter(part => part.type === 'tool_use') : [];
  return [contentText(content, ['text']), ...tools.map(tool => `[${text(tool.name) ?? 'tool'}]`)]
    .filter(part => part !== '')
    .join('\n');
}
