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

/** `sessions/YYYY/MM/DD/rollout-<time>-<UUID>.jsonl`. */
const SAVED = '.codex/sessions';
const NAME = /^rollout-.*-([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.jsonl$/;

/**
 * The newest conversation of a session in which something was said; `known` comes first. One that a helper or a script of the agent
 * held is taken where there is no other.
 */
export async function codexConversation(
  sessionDir: string,
  _path?: string,
  known?: string,
  before?: string,
): Promise<Conversation | undefined> {
  const files = await conversationFiles(sessionDir);
  const budget = fullBudget();
  let other: Conversation | undefined;
  for (const file of toLookAt(files, (file, id) => idOf(file) === id, known, before)) {
    const agentSessionId = idOf(file);
    const { said, prompt, helper, provider } = await gistOf(
      sessionDir,
      file,
      note,
      gist => gist.prompt !== undefined,
      budget,
    );
    if (!said || agentSessionId === undefined) continue;
    const title = prompt === undefined ? {} : { title: prompt.slice(0, 4096) };
    const by = provider === undefined ? {} : { provider };
    const found = { agentSessionId, ...title, ...by, lastActivityAt: changedAt(file) };
    if (helper !== true || agentSessionId === known) return found;
    other ??= found;
  }
  return other;
}

/** The program itself offers only these to be resumed. */
const OF_PEOPLE = ['cli', 'vscode'];

/** An event tells of each prompt of the user, also of an image alone; the messages have what the program said in the user's name, too. */
function note(gist: Gist, line: Json): void {
  const payload = object(line.payload);
  // Of others it is "exec", or an object that says what kind of helper.
  if (line.type === 'session_meta' && payload.source !== undefined)
    gist.helper ??= !OF_PEOPLE.some(source => source === payload.source);
  const provider = line.type === 'session_meta' ? text(payload.model_provider) : undefined;
  if (provider !== undefined) gist.provider ??= provider;
  const event = line.type === 'event_msg' && payload.type === 'user_message';
  const [message] = messages([line]);
  gist.said ||= event || message !== undefined || (line.type === 'response_item' && line.cut === true);
  const words = event ? (text(payload.message) ?? '') : message?.role === 'user' ? message.text : '';
  if (words.trim() !== '') gist.prompt ??= words;
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
    .filter(({ role, text }) => role === 'assistant' || (role === 'user' && !isOfProgram(text)));
}

/** Its wrappers: `<environment_context>`, `<user_instructions>`, `<turn_aborted>` and their like, from the tag to its end. */
function isOfProgram(text: string): boolean {
  return (
    /^\s*# AGENTS\.md/.test(text) ||
    /^\s*<(instructions|permissions|plugins|skills?|subagents|[a-z]+(?:[_ ][a-z]+)+)>[\s\S]*<\/\1>\s*$/i.test(text)
  );
}
