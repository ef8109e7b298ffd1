import { filesBeneath, readBeneath } from '../base/beneath.ts';
import type { ConversationReader } from './types.ts';

/** Bytes that an agent writes down in a session in which nothing was said. */
const TRIFLE = 16 * 1024;

/**
 * Kinds of lines in the conversations of the agents that we know: in those of Claude Code, Codex and Gemini CLI. A conversation that has
 * another kind is in a format of which nobody here can tell whether something was said.
 */
const KINDS: ReadonlySet<unknown> = new Set([
  ...['user', 'assistant', 'system', 'summary', 'mode', 'permission-mode', 'file-history-snapshot', 'attachment'],
  ...['progress', 'queue-operation', 'last-prompt', 'agent-name', 'agent-setting', 'custom-title', 'ai-title'],
  ...['session_meta', 'turn_context', 'response_item', 'event_msg', 'compacted'],
  ...['gemini', 'info', 'warning', 'error'],
]);

/** Whether what an agent wrote into a session in which nothing is known to have been said is worth nothing. */
export async function keepsTrifles(sessionDir: string, { stateDirs }: ConversationReader): Promise<boolean> {
  let bytes = 0;
  let refused = false;
  for (const { saved } of stateDirs.filter(dir => !dir.aside)) {
    const found = await filesBeneath(sessionDir, saved.split('/'), {
      depth: 8,
      accept: () => true,
      refused: () => {
        refused = true;
      },
    });
    for (const { size } of found) bytes += size;
    if (refused || bytes > TRIFLE) return false;
    for (const { parts } of found) if (!(await isUnderstood(sessionDir, parts))) return false;
  }
  return true;
}

/** Whether it is no conversation, or one of lines that we know; not when it cannot be read. */
async function isUnderstood(sessionDir: string, parts: readonly string[]): Promise<boolean> {
  const data = await readBeneath(sessionDir, parts, TRIFLE);
  if (data === undefined) return false;
  if (!parts.at(-1)?.endsWith('.jsonl')) return true;
  const lines = data.toString('utf8').split('\n');
  return lines.every(line => line.trim() === '' || isKnown(line));
}

/** The first line of Gemini CLI's, and the changes to it, have no kind. */
function isKnown(line: string): boolean {
  try {
    const { type, sessionId, $set } = JSON.parse(line) ?? {};
    return type === undefined ? sessionId !== undefined || $set !== undefined : KINDS.has(type);
  } catch {
    return false; // Cut off, as by a crash of the machine: it may have been a prompt.
  }
}
