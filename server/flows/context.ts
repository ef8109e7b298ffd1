import type { WorkspaceFolder } from '../protocol/methods.ts';
import type { Progress } from '../protocol/types.ts';

/** The client that a request came from: what it said of itself, and what the backend may ask of it. */
export interface ClientSession {
  readonly id: number;
  readonly workspaces: readonly WorkspaceFolder[];
  /** Explicitly set settings, without the prefix. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** A secret from the editor's store; null when it has none. Never keep it longer than the request. */
  secret(name: string): Promise<string | null>;
  /** Values of the client's own environment; names that are not set are absent. */
  environment(names: readonly string[]): Promise<Record<string, string>>;
}

/** What a handler gets besides its parameters. `signal` aborts on cancel and on the client's disconnect. */
export interface RequestContext {
  readonly client: ClientSession;
  readonly signal: AbortSignal;
  /** Reports to the client that asked for progress; does nothing when it did not ask. */
  progress(value: Progress): void;
}

/** The same request, which ends also when `signal` aborts. */
export function endedBy(context: RequestContext, signal: AbortSignal): RequestContext {
  return {
    client: context.client,
    signal: AbortSignal.any([context.signal, signal]),
    progress: value => context.progress(value),
  };
}
