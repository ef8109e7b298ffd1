import type { TranscriptEntry } from '../protocol/types.ts';
import type { ConversationReader, SessionRecord } from './types.ts';

/** `dir` is the session's own directory; a session that only coi has held may have its conversation in the workspace. */
export async function conversationOf(reader: ConversationReader | undefined, record: SessionRecord, dir: string) {
  const elsewhere = await elsewhereOf(reader, record, dir);
  if (elsewhere !== undefined) return elsewhere.find(record.workspace, record.path);
  return reader?.findConversation(dir, record.path, record.conversation, record.agentSessionId);
}

export async function transcriptOf(
  reader: ConversationReader | undefined,
  record: SessionRecord,
  dir: string,
): Promise<TranscriptEntry[]> {
  const elsewhere = await elsewhereOf(reader, record, dir);
  if (elsewhere !== undefined) return elsewhere.transcript(record.workspace, record.path);
  const { agentSessionId } = (await conversationOf(reader, record, dir)) ?? {};
  return (await reader?.transcript(dir, agentSessionId, record.path)) ?? [];
}

/** Of some paths that the workspace may have had inside, the one that the conversation was held at, where that can be told. */
export async function pathOf(
  reader: ConversationReader | undefined,
  record: SessionRecord,
  dir: string,
  candidates: readonly string[],
): Promise<string | undefined> {
  const elsewhere = await elsewhereOf(reader, record, dir);
  if (elsewhere !== undefined) return elsewhere.pathOf(record.workspace, candidates);
  return reader?.pathOf?.(dir, candidates);
}

/**
 * What reads the conversation in the workspace, if it is there. coi writes the record of a session anew that was held here, so what is in
 * the session's own directory is its conversation, unless that is a copy of the one in the workspace, which has gone on since.
 */
export async function elsewhereOf(reader: ConversationReader | undefined, record: SessionRecord, dir: string) {
  if (record.pathUnsaid !== true || record.heldAt !== undefined) return undefined;
  const { inWorkspace } = reader ?? {};
  if (reader === undefined || inWorkspace === undefined) return undefined;
  const own = await reader.findConversation(dir, record.path, record.conversation);
  if (own === undefined) return inWorkspace;
  const there = await inWorkspace.find(record.workspace, record.path);
  const goneOn = (there?.lastActivityAt ?? '') > (own.lastActivityAt ?? '');
  return own.agentSessionId === there?.agentSessionId && goneOn ? inWorkspace : undefined;
}
