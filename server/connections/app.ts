import type { Log } from '../base/log.ts';
import type { Handlers } from '../methods/handlers.ts';
import type { Notifications } from '../protocol/methods.ts';
import type { Snapshot, StateChange } from '../protocol/types.ts';

/** A line for the clients' log. */
export type LogMessage = Notifications['log/message'];

/** What the connections serve: everything below them, as one object. */
export interface App {
  readonly handlers: Handlers;
  /** The state as of now, in one piece with its revision. */
  snapshot(): Snapshot;
  /** Calls back for each change, in the order of revisions; gives the function that ends it. */
  onChange(listener: (change: StateChange) => void): () => void;
  /** Calls back for each line that the clients should be able to read; gives the function that ends it. */
  onMessage(listener: (message: LogMessage) => void): () => void;
  /** Why the backend must stay although nobody is connected. */
  duties(): readonly string[];
  /** How many pieces of work are under way besides the requests that the connections count themselves. */
  busy(): number;
  /** Whether Incus refused us for lack of permission: a process started anew may have the missing group. */
  permissionLost(): boolean;
  /** Starts no more work by itself; settles when nothing is under way any more. */
  drain(): Promise<void>;
  /** Lets go of Incus and of every timer. */
  close(): Promise<void>;
}

/** What an App is made of. */
export interface AppOptions {
  /** The socket of Incus, where the user named one. */
  incusSocket?: string;
  /** The Incus project, where the user named one. */
  incusProject?: string;
  home: string;
  uid: number;
  log: Log;
  /** Identifies this backend in `user.incus-agents.backend`; no other living process has the same. */
  backendKey: string;
  /** Whether the backend with this key lives, so that nobody undoes what another one has under way. */
  backendAlive(key: string): Promise<boolean>;
  /** How many clients are connected. */
  clients(): number;
}

export type CreateApp = (options: AppOptions) => Promise<App>;
