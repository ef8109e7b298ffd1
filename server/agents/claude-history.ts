import type { FoundFile } from '../base/beneath.ts';
import type { TranscriptEntry } from '../protocol/types.ts';
import {
  allLines,
  bounded,
  changedAt,
  contentText,
  fullBudget,
  type Gist,
  gistOf,
  type Json,
  newestFiles,
  object,
  text,
  time,
  toLookAt,
} from './history.ts';
import type { Conversation } from './types.ts';

/** One JSON lines file per conversation: `projects/<path inside with dashes>/<conversation's UUID>.jsonl`. */
const SAVED = '.claude/projects';
const NAME = /^([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.jsonl$/;

/**
 * The newest conversation of a session in which something was said. Those of the workspace's own path come first: an agent that was
 * run elsewhere, as by a script of the agent, has left another that is not the session's; one that was run here is told by `known`.
 */
export async function claudeConversation(
  sessionDir: string,
  path?: string,
  known?: string,
  before?: string,
): Promise<Conversation | undefined> {
  const files = await conversationFiles(sessionDir);
  const isOwn = (file: FoundFile) => path !== undefined && isOf(file, path);
  const chosen = toLookAt(first(files, isOwn), (file, id) => idOf(file) === id, known, before);
  const budget = fullBudget();
  for (const file of first(chosen, isOwn)) {
    const agentSessionId = idOf(file);
    const { said, prompt } = await gistOf(sessionDir, file, note, gist => isPrompt(gist.prompt), budget);
    if (said && agentSessionId !== undefined) {
      const title = prompt === undefined ? {} : { title: prompt.slice(0, 4096) };
      return { agentSessionId, ...title, lastActivityAt: changedAt(file) };
    }
  }
  return undefined;
}

/** Those first; the program resumes no other where it is started. */
function first(files: readonly FoundFile[], are: (file: FoundFile) => boolean): FoundFile[] {
  return [...files.filter(are), ...files.filter(file => !are(file))];
}

/** The first of some paths of the workspace inside under which there are conversations. */
export async function claudePath(sessionDir: string, candidates: readonly string[]): Promise<string | undefined> {
  const files = await conversationFiles(sessionDir);
  return candidates.find(path => files.some(file => isOf(file, path)));
}

/** Whether a conversation of that id cannot be begun: the program refuses an id of which it has a file, even an empty one. */
export async function claudeHas(sessionDir: string, id: string): Promise<boolean> {
  return (await conversationFiles(sessionDir)).some(file => idOf(file) === id);
}

export async function claudeTranscript(sessionDir: string, id?: string, path?: string): Promise<TranscriptEntry[]> {
  const wanted = id ?? (await claudeConversation(sessionDir, path))?.agentSessionId;
  const file = (await conversationFiles(sessionDir)).find(candidate => idOf(candidate) === wanted);
  if (file === undefined) return [];
  const lines = (await allLines(sessionDir, file)).filter(isSaid);
  return bounded(lines.map(line => ({ role: String(line.type), text: said(line), at: time(line.timestamp) })));
}

/** The program files conversations by the path with all but letters and digits replaced; of a long one it keeps 200 characters and a hash. */
function isOf(file: FoundFile, path: string): boolean {
  const name = file.parts.at(-2) ?? '';
  const slug = path.replace(/[^a-zA-Z0-9]/g, '-');
  return slug.length <= 200 ? name === slug : name.startsWith(slug.slice(0, 200));
}

function conversationFiles(sessionDir: string): Promise<FoundFile[]> {
  return newestFiles(sessionDir, SAVED, 1, name => NAME.test(name));
}

function idOf(file: FoundFile): string | undefined {
  return NAME.exec(file.parts.at(-1) ?? '')?.[1];
}

/** What of the conversation is left to resume is every line of either side, also of a command or an image alone. */
function note(gist: Gist, line: Json): void {
  if ((line.type !== 'user' && line.type !== 'assistant') || line.isSidechain === true) return;
  gist.said = true;
  if (line.type !== 'user' || line.isMeta === true || isPrompt(gist.prompt)) return;
  const words = said(line);
  if (words !== '' && (gist.prompt === undefined || isPrompt(words))) gist.prompt = words;
}

/** What begins with a tag is one of the program's own commands, unless there is nothing else. */
function isPrompt(words: string | undefined): boolean {
  return words !== undefined && !words.startsWith('<');
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
