import { realpath } from 'node:fs/promises';
import type { TranscriptEntry } from '../protocol/types.ts';
import { conversationOf, elsewhereOf, pathOf, transcriptOf } from './reading.ts';
import { titleOf } from './record.ts';
import { keepsTrifles } from './trifles.ts';
import type { ConversationReader, SessionChange, SessionRecord } from './types.ts';

/** What the agents wrote down in the sessions' directories. Changes nothing. */
export class Conversations {
  readonly #directory: (agent: string, id: string) => string;
  readonly #reader: (agent: string) => ConversationReader | undefined;

  /** `reader` gives undefined for an agent that nobody knows. */
  constructor(
    directory: (agent: string, id: string) => string,
    reader: (agent: string) => ConversationReader | undefined,
  ) {
    this.#directory = directory;
    this.#reader = reader;
  }

  /** Whether nothing was ever said in a session; false where that cannot be told. */
  async isEmpty(record: SessionRecord): Promise<boolean> {
    return this.#reader(record.agent) !== undefined && (await this.#newest(record)) === undefined;
  }

  /** Whether nothing of a session would be missed: it has no name of the user's, nothing was said, and its agent keeps nothing that nobody here reads. */
  async isWorthless(record: SessionRecord): Promise<boolean> {
    const reader = this.#reader(record.agent);
    if (record.titled || reader === undefined || wasSaid(record) || !(await this.isEmpty(record))) return false;
    return keepsTrifles(this.#directory(record.agent, record.id), reader);
  }

  /** How much a session is worth going on with: 0 with a conversation, or where that cannot be told; 1 without; 2 for what never has one. */
  async rank(record: SessionRecord): Promise<0 | 1 | 2> {
    if (this.#reader(record.agent)?.stateDirs.length === 0) return 2;
    return (await this.isEmpty(record)) ? 1 : 0;
  }

  /** The title that the conversation gives; empty where it gives none. */
  async title(record: SessionRecord): Promise<string> {
    return titleOf((await this.#newest(record))?.title ?? '');
  }

  /** What of a record is different by its conversation: title, activity and the agent's own id. */
  async news(record: SessionRecord): Promise<SessionChange> {
    const conversation = await this.#newest(record);
    if (conversation === undefined) return {};
    const { agentSessionId, lastActivityAt } = conversation;
    const title = record.titled ? '' : titleOf(conversation.title ?? '');
    return {
      ...(title === '' || title === record.title ? {} : { title }),
      ...(agentSessionId === undefined || agentSessionId === record.agentSessionId ? {} : { agentSessionId }),
      ...(lastActivityAt === undefined || lastActivityAt === record.lastActivityAt ? {} : { lastActivityAt }),
    };
  }

  /** The conversation as text: the one that is resumed. */
  async transcript(record: SessionRecord): Promise<TranscriptEntry[]> {
    return transcriptOf(this.#reader(record.agent), record, this.#directory(record.agent, record.id));
  }

  /** Whether the conversation lies in the workspace, where coi left it. */
  async isInWorkspace(record: SessionRecord): Promise<boolean> {
    const dir = this.#directory(record.agent, record.id);
    return (await elsewhereOf(this.#reader(record.agent), record, dir)) !== undefined;
  }

  /** Where the record does not say the path inside: what the agent filed tells whether it was the workspace's own. */
  async placed(record: SessionRecord): Promise<SessionRecord> {
    if (record.pathUnsaid !== true) return record;
    const real = await realpath(record.workspace).catch(() => record.workspace);
    const candidates = [...new Set([record.path, '/workspace', record.workspace, real])];
    const dir = this.#directory(record.agent, record.id);
    const path = await pathOf(this.#reader(record.agent), record, dir, candidates);
    return path === undefined ? record : { ...record, path };
  }

  async #newest(record: SessionRecord) {
    return conversationOf(this.#reader(record.agent), record, this.#directory(record.agent, record.id));
  }
}

/** Whether there was a conversation when the session was looked at before. */
export function wasSaid(record: SessionRecord): boolean {
  return record.agentSessionId !== undefined || record.lastActivityAt !== undefined;
}
