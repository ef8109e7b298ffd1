import type { WorkspaceFolder } from '../../server/protocol/methods.ts';
import type { LaunchOptions } from './launch.ts';
import type { ClientAnswers } from './link.ts';

/** What a client says of itself and may change while it runs. */
export interface ClientFacts {
  workspaces: WorkspaceFolder[];
  /** Explicitly set settings, without the prefix. */
  settings: Record<string, unknown>;
}

/** What a Backend is made of. */
export interface BackendOptions {
  launch: LaunchOptions;
  /** The name and version of the extension. */
  client: { name: string; version: string };
  facts: ClientFacts;
  answers: ClientAnswers;
  /** One line for the log channel. */
  log(line: string): void;
}
