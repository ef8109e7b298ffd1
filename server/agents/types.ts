import type { TranscriptEntry } from '../protocol/types.ts';

/** `bypass`: the agent asks for nothing, since the container holds it. `interactive`: it asks as it would on the host. */
export type PermissionMode = 'bypass' | 'interactive';

/** A conversation to go on with. */
export interface Resumed {
  agentSessionId?: string;
  /** See Conversation. */
  provider?: string;
}

/** What one start of an agent depends on. Paths are those inside the container, absolute. */
export interface LaunchOptions {
  /** A UUID, the session's own unless it is taken. An agent that lets its own conversation id be chosen uses it for a new one. */
  sessionId: string;
  /** Present: continue that conversation, or the newest one that the agent finds by itself. */
  resume?: Resumed;
  permissionMode: PermissionMode;
  model?: string;
  effort?: string;
  /** Another program instead of the agent's own name. */
  binary?: string;
  /** The first message, typed by the user beforehand. */
  prompt?: string;
  home: string;
  cwd: string;
  /** Where the agent's hooks leave their lines; a host directory that is mounted. */
  signalsDir: string;
  /** What tells the agent where it is; put where the agent reads its standing instructions. */
  context?: string;
  /** Values that only this agent's process gets, such as keys; some agents ask about a new key unless a file knows it. */
  secrets?: Readonly<Record<string, string>>;
  /** Names of the variables that the configuration gives this agent alone, for its login or otherwise. */
  login?: readonly string[];
  /** What the configuration sets in the environment; no secrets. */
  variables?: Readonly<Record<string, string>>;
}

/**
 * A file that must be there before the agent starts, owned by the code user.
 * `merge` says what happens to a file that is already there: without it, it is replaced (see `mergedContent`).
 */
export interface AgentFile {
  /** Absolute, inside. */
  path: string;
  content: string;
  mode: number;
  /** `json`: objects are merged deeply, our values win. `block`: only our marked block is replaced. `keep`: left as it is, unless it begins with the same line. */
  merge?: 'json' | 'block' | 'keep';
}

/** A directory of the session on the host that is mounted into the agent's home. */
export interface StateDir {
  /** Relative to the session's directory, in coi's layout. */
  saved: string;
  /** Relative to the home inside. */
  home: string;
  /** Emptied before each start: it tells about running processes only. */
  volatile?: true;
  /** It goes with a conversation, and is nothing without one. */
  aside?: true;
}

/** What an agent's own files say about its newest conversation. */
export interface Conversation {
  /** Absent for an agent of the configuration. */
  agentSessionId?: string;
  /** First prompt, as the agent wrote it down: hostile text, any length up to 4 KiB. */
  title?: string;
  lastActivityAt?: string | undefined;
  /** Who answered it, of agents that stay with the one that began it. */
  provider?: string;
}

/** Where an agent keeps its login. Both relative to the home inside; never below a state directory. */
export interface Login {
  /** Mounted as a whole when slots share a login: agents replace the files by renaming, which a mounted file forbids. */
  directory?: string;
  /** Directories below it that are of one session all the same, since they hold what it works on. */
  own?: readonly string[];
  files: readonly string[];
}

/** Conversations of an agent that coi left in the workspace on the host, where agents can write; `path` is where it was inside. */
export interface WorkspaceConversations {
  /** The newest one in which something was said; undefined when there is none that can be read. */
  find(workspace: string, path: string): Promise<Conversation | undefined>;
  /** That one as text; empty when there is none. */
  transcript(workspace: string, path: string): Promise<TranscriptEntry[]>;
  /** Of some paths that the workspace may have had inside, that of the newest one. */
  pathOf(workspace: string, candidates: readonly string[]): Promise<string | undefined>;
  /**
   * Writes what the agent needs to continue it, and no login, into an empty directory; false when there is none. Fails with `invalid`
   * for what is no regular file or damaged, and with `conflict` while an agent writes there.
   */
  copy(workspace: string, path: string, to: string): Promise<boolean>;
  /** The state directory that the copy is for, as its `saved`. */
  readonly saved: string;
}

/** A command-line coding tool: how it is started, resumed and read. */
export interface Agent {
  readonly name: string;
  /** As people write it. */
  readonly title: string;
  /** The argv that starts it; the first word is found in PATH inside. */
  command(options: LaunchOptions): string[];
  /** Variables of the agent's process; none is a secret. */
  environment(options: LaunchOptions): Record<string, string>;
  /** First-run answers, hooks and standing instructions. */
  files(options: LaunchOptions): AgentFile[];
  /** What holds its conversations and goes with them, and only that. */
  readonly stateDirs: readonly StateDir[];
  /** Whether hooks, a plugin or a registry tell what it does; of others only start and end are known. */
  readonly tells: boolean;
  /** Whether it tells at once when its question was answered; default true. Others tell when what they asked for is done. */
  readonly tellsAnswers?: false;
  /** Milliseconds after its start when it takes input, where it does not tell. */
  readonly readyAfter?: number;
  /** Where it lists its running processes, as the `saved` of a state directory. */
  readonly registry?: string;
  readonly login: Login;
  /** Prints a version when run inside. */
  readonly versionArgv: readonly string[];
  /**
   * Reads the newest conversation in which something was said below the session's directory on the host (untrusted: bounded, no
   * symlinks). `path` is that of the workspace inside. `known` is the one that the agent said it holds: it comes before newer ones.
   * `before` is the one that was found at an earlier look: where both are given, no other one is the session's.
   */
  findConversation(
    sessionDir: string,
    path?: string,
    known?: string,
    before?: string,
  ): Promise<Conversation | undefined>;
  /** The conversation as text; empty when there is none. */
  transcript(sessionDir: string, agentSessionId?: string, path?: string): Promise<TranscriptEntry[]>;
  /** Of some paths that the workspace may have had inside, that under which conversations are filed; for agents that file by path. */
  pathOf?(sessionDir: string, candidates: readonly string[]): Promise<string | undefined>;
  /** For agents whose conversations coi leaves in the workspace instead. */
  readonly inWorkspace?: WorkspaceConversations;
  /** Whether files of a conversation of that id are there, so that it cannot be begun; for agents whose id is chosen. */
  hasId?(sessionDir: string, id: string): Promise<boolean>;
}

/** A table `[agents.NAME]` of the configuration: an agent without code of ours. */
export interface DeclaredAgent {
  /** Argv. `{session}`, `{prompt}`, `{cwd}`, `{home}` are replaced in each word. */
  command: readonly string[];
  /** Used to resume; `{id}` is the agent's own conversation id. Default: `command`. */
  resume?: readonly string[];
  /** Holds its conversations; relative to the home inside. */
  stateDirectory?: string;
  environment?: Readonly<Record<string, string>>;
}
