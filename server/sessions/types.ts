import type { TranscriptEntry } from '../protocol/types.ts';

/** Where a container is: sessions are those of a home, whatever Incus or project their containers are in. */
export interface IncusPlace {
  socketPath: string;
  project: string;
}

/** What is known of a session from its record, `~/.coi/sessions-<agent>/<id>/metadata.json`. Times are RFC 3339. */
export interface SessionRecord {
  id: string;
  agent: string;
  /** The workspace on the host, as given. */
  workspace: string;
  /** Where the workspace is inside: agents file their conversations by it. */
  path: string;
  /** The record, which is coi's, does not say the path: it is the usual one, or is told by what the agent filed. */
  pathUnsaid?: true;
  /** Of a session whose record coi wrote anew: where the workspace was inside when it was opened here last. */
  heldAt?: string;
  container?: string;
  /** The Incus and the project that the container is in; coi does not note it. */
  incus?: IncusPlace;
  slot?: number;
  persistent: boolean;
  profile?: string;
  /** Given by the user, or taken from the first prompt. */
  title?: string;
  /** Whether the user gave the title, so that no prompt replaces it. */
  titled?: boolean;
  startedAt: string;
  savedAt: string;
  lastActivityAt?: string;
  /** The agent's own id of the newest conversation. */
  agentSessionId?: string;
  /** The agent's own id of the conversation that it said it holds: preferred to newer ones, which may be of agents that it ran. */
  conversation?: string;
}

/** What of a record changes; undefined takes a value away. */
export type SessionChange = {
  [K in keyof Omit<SessionRecord, 'id' | 'agent'>]?: SessionRecord[K] | undefined;
};

/** A directory of a session on the host and where it is mounted, relative to the home inside. */
export interface SessionDir {
  saved: string;
  home: string;
  /** Emptied before each start. */
  volatile?: true;
  /** It goes with a conversation, and is nothing without one. */
  aside?: true;
}

/** Who the files of a session belong to on the host: the owner of the workspace. */
export interface Owner {
  uid: number;
  gid: number;
}

/** A session's directory as a mount of a container. */
export interface SessionMount {
  /** Name of the device. */
  device: string;
  source: string;
  path: string;
}

/** What a conversation says of itself. */
export interface FoundConversation {
  agentSessionId?: string;
  title?: string;
  lastActivityAt?: string | undefined;
}

/** Reads what an agent wrote below a session's directory; `path` is that of the workspace inside, `known` the record's conversation, `before` its agentSessionId. */
export interface ConversationReader {
  findConversation(
    sessionDir: string,
    path?: string,
    known?: string,
    before?: string,
  ): Promise<FoundConversation | undefined>;
  transcript(sessionDir: string, agentSessionId?: string, path?: string): Promise<TranscriptEntry[]>;
  /** The first of some paths under which the agent filed conversations. */
  pathOf?(sessionDir: string, candidates: readonly string[]): Promise<string | undefined>;
  /** Where coi left the conversations of an agent in the workspace, what reads them there. */
  readonly inWorkspace?: {
    find(workspace: string, path: string): Promise<FoundConversation | undefined>;
    transcript(workspace: string, path: string): Promise<TranscriptEntry[]>;
    pathOf(workspace: string, candidates: readonly string[]): Promise<string | undefined>;
  };
  /** What it keeps; nothing for a shell. */
  readonly stateDirs: readonly SessionDir[];
}

/** A record that cannot be read; it is left untouched. */
export interface DamagedSession {
  path: string;
  message: string;
}

/** What a new session begins with. */
export interface NewSession {
  id?: string;
  agent: string;
  workspace: string;
  path: string;
  container?: string;
  incus?: IncusPlace;
  slot?: number;
  persistent: boolean;
  profile?: string;
  title?: string;
}
