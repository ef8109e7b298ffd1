import type { TranscriptEntry } from '../protocol/types.ts';
import type { ConversationReader, SessionRecord } from './types.ts';

/**
 * A session that only coi has held may have its conversation in the workspace. `dir` is the session's own directory, where
 * everything is once it was opened here.
 */
export async function conversationOf(reader: ConversationReader | undefined, record: SessionRecord, dir: string) {
  const elsewhere = elsewhereOf(reader, record);
  if (elsewhere !== undefined) return elsewhere.find(record.workspace, record.path);
  return reader?.findConversation(dir, record.path, record.conversation, record.agentSessionId);
}

export async function transcriptOf(
  reader: ConversationReader | undefined,
  record: SessionRecord,
  dir: string,
): Promise<TranscriptEntry[]> {
  const elsewhere = elsewhereOf(reader, record);
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
  const elsewhere = elsewhereOf(reader, record);
  if (elsewhere !== undefined) return elsewhere.pathOf(record.workspace, candidates);
  return reader?.pathOf?.(dir, candidates);
}

function elsewhereOf(reader: ConversationReader | undefined, record: SessionRecord) {
  return record.pathUnsaid === true ? reader?.inWorkspace : undefined;
}
