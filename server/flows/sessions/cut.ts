import { MAX_ENTRIES, WHOLE } from '../../agents/history.ts';
import { filesBeneath } from '../../base/beneath.ts';

/** How deep below a session's directory agents put their conversations. */
const DEPTH = 8;

/** Whether a transcript is only the end of its conversation: it has all the entries that are shown, or its file is read from its end only. */
export async function isCut(sessionDir: string, entries: number): Promise<boolean> {
  if (entries >= MAX_ENTRIES) return true;
  if (entries === 0) return false;
  const files = await filesBeneath(sessionDir, [], { depth: DEPTH, accept: name => name.endsWith('.jsonl') });
  return files.some(file => file.size > WHOLE);
}
