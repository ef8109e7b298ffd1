import type { FoundFile } from '../base/beneath.ts';
import type { TranscriptEntry } from '../protocol/types.ts';
import { allLines, bounded, changedAt, newestFiles, text, time } from './history.ts';
import { OPENCODE_ID } from './opencode-database.ts';
import type { Conversation } from './types.ts';

const SAVED = '.local/share/opencode/db';

interface Said {
  session: string;
  role: string;
  text: string;
  at: string | undefined;
}

/** The conversation in which something was said last. */
export async function opencodeConversation(sessionDir: string): Promise<Conversation | undefined> {
  const file = await transcriptFile(sessionDir);
  const lines = file === undefined ? [] : await said(sessionDir, file);
  const session = lines.at(-1)?.session;
  if (session === undefined || file === undefined) return undefined;
  const prompt = lines.find(line => line.session === session && line.role === 'user');
  return {
    agentSessionId: session,
    lastActivityAt: changedAt(file),
    ...(prompt === undefined ? {} : { title: prompt.text.slice(0, 4096) }),
  };
}

export async function opencodeTranscript(sessionDir: string, id?: string): Promise<TranscriptEntry[]> {
  const file = await transcriptFile(sessionDir);
  const lines = file === undefined ? [] : await said(sessionDir, file);
  const wanted = id ?? lines.at(-1)?.session;
  return bounded(lines.filter(line => line.session === wanted));
}

async function transcriptFile(sessionDir: string): Promise<FoundFile | undefined> {
  return (await newestFiles(sessionDir, SAVED, 0, name => name === 'transcript.jsonl'))[0];
}

async function said(sessionDir: string, file: FoundFile): Promise<Said[]> {
  const result: Said[] = [];
  for (const line of await allLines(sessionDir, file)) {
    const session = text(line.session);
    const content = text(line.text);
    const role = line.role === 'user' ? 'user' : 'assistant';
    if (session === undefined || content === undefined || !OPENCODE_ID.test(session)) continue;
    result.push({ session, role, text: content, at: time(line.at) });
  }
  return result;
}
