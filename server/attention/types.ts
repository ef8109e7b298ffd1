import type { AgentState, SlotStatus } from '../protocol/types.ts';

/** What a hook, a plugin or the launch script inside said in one line. A hint: whoever is inside can write it. */
export interface SignalInput {
  kind: 'signal';
  word: SignalWord;
  /** Milliseconds since the epoch, by the clock of the host. */
  at: number;
  /** Plain text for people, such as the tool that wants permission. */
  detail?: string;
  /** Of `exit`: the agent's exit code. */
  code?: number;
  /** The agent's own id of the conversation that it is about. */
  conversation?: string;
  /** It is about a helper of the agent, which can go on after the agent's own turn. */
  helper?: true;
}

/** `start`: the launch script begins. `ready`: the agent is there. `exit`: it has ended. */
export type SignalWord = 'start' | 'ready' | 'working' | 'waiting' | 'idle' | 'exit';

/** What the agent's own list of running sessions says now; `none` when it lists nothing. */
export interface RegistryInput {
  kind: 'registry';
  status: 'busy' | 'waiting' | 'idle' | 'none';
  /** When the agent noted that. */
  updatedAt: number;
  at: number;
  detail?: string;
  /** The agent's own id of the conversation that it is about. */
  conversation?: string;
  /** It is of an agent that somebody began by hand in the place of the one that had ended. */
  successor?: true;
}

/**
 * Time has passed. `settle`, soon after a signal: what the registry says counts now, whatever a late hook said.
 * `overdue`: an agent that was started should have said something.
 */
export interface TimeInput {
  kind: 'settle' | 'overdue';
  at: number;
}

export interface ContainerInput {
  kind: 'container';
  status: SlotStatus;
  at: number;
}

/** What is seen in the agent's tmux session: nobody has to tell it, but what is made of it is a guess. */
export interface LookInput {
  kind: 'look';
  /** What has its terminal: a shell that waits, another program, or none since there is no such session. */
  seen: 'none' | 'shell' | 'program';
  /** When its screen changed last. */
  changedAt?: number;
  /** Its screen changes from look to look, or no longer does; undefined while that cannot be told. */
  moves?: boolean;
  at: number;
}

/** Nothing more is heard of the agent, as the host cannot watch its files. */
export interface DeafInput {
  kind: 'deaf';
  why: string;
  at: number;
}

export type AttentionInput = SignalInput | RegistryInput | TimeInput | ContainerInput | LookInput | DeafInput;

/** What the state machine remembers of one slot. */
export interface Memory {
  agent: AgentState;
  container: SlotStatus;
  registry?: RegistryInput;
  /** What the registry said before, and since when it no longer does. */
  left?: { status: RegistryInput['status']; at: number };
  /**
   * What holds once the container is known to run: what a signal said while it was not, since Incus's news can come later, or what
   * was known before Incus said that it has failed or is changing.
   */
  early?: AgentState;
  /** The agent says nothing of what it does. */
  quiet: boolean;
  /** Nothing tells when its question was answered. */
  mute?: boolean;
  /** The question that seems to have been answered, as nothing has told of it yet. */
  asked?: AgentState;
  /** The agent is a shell. */
  shell: boolean;
  /** The agent has said that its own turn is over, whatever its helpers do. */
  over?: boolean;
  /** Since it was started, the agent has said something of what it does. */
  told: boolean;
  /** When the last signal came. */
  signalAt: number;
}
