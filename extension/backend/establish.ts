import { setTimeout as delay } from 'node:timers/promises';
import type { InitializeParams, InitializeResult } from '../../server/protocol/methods.ts';
import { BackendError, Hopeless, toBackendError } from './errors.ts';
import { hasMoreGroups } from './groups.ts';
import { connectOrStart, type LaunchOptions } from './launch.ts';
import { Link, type LinkEvents, loadRpc } from './link.ts';
import { isNewer } from './versions.ts';

/** What is needed for a connection that is ready for use. */
export interface EstablishOptions {
  launch: LaunchOptions;
  /** What this client says of itself; its version is the extension's. */
  initialize: InitializeParams;
  events: LinkEvents;
  /** Milliseconds for which a missing backend is taken for one that is being replaced. */
  patience: number;
  signal: AbortSignal;
}

/** A connection after its handshake. */
export interface Established {
  link: Link;
  result: InitializeResult;
}

const HANDSHAKE_TIMEOUT = 15_000;
/** A backend takes at most 10 s to drain, 10 s to undo the rest and 2 s to let go. */
const REPLACE_TIMEOUT = 25_000;
const MAX_ROUNDS = 4;

/**
 * Connects and shakes hands; a backend of an older version is asked to go and replaced, one of a newer version is used, and one
 * that is just ending is waited for. Fails with Hopeless when they cannot talk to each other, else with a BackendError.
 */
export async function establish(options: EstablishOptions): Promise<Established> {
  const { launch, initialize, events, signal } = options;
  let { patience } = options;
  // Loaded before there is a socket: nobody listens to one while we wait.
  const library = await loadRpc();
  for (let round = 1; ; round += 1) {
    const link = new Link(library, await connectOrStart(launch, patience, signal), events);
    try {
      const verdict = await greet(link, initialize, signal);
      if (typeof verdict === 'object' && (round === MAX_ROUNDS || !isOutdated(verdict, initialize.client.version)))
        return { link, result: verdict };
      if (round === MAX_ROUNDS) throw verdict === 'ending' ? lost() : incompatible();
      if (verdict === 'ending') await hasGone(link);
      else await askToGo(link);
      patience = verdict === 'ending' ? options.patience : 0;
    } catch (error) {
      link.close();
      throw error;
    }
  }
}

/** Asks a backend to finish or undo what is under way and go; settles when it has gone. Fails with `timeout`. */
export async function askToGo(link: Link): Promise<void> {
  try {
    await link.request('backend/drain', {});
    await hasGone(link);
  } finally {
    link.close();
  }
}

async function hasGone(link: Link): Promise<void> {
  const gone = await Promise.race([link.gone.then(() => true), delay(REPLACE_TIMEOUT, false, { ref: false })]);
  if (!gone) throw new BackendError('timeout', 'The backend that is to be replaced does not end.');
}

/** The result of the handshake, or that this backend is older than our version of the protocol, or that it is ending. */
async function greet(
  link: Link,
  initialize: InitializeParams,
  signal: AbortSignal,
): Promise<InitializeResult | 'older' | 'ending'> {
  const timeout = AbortSignal.timeout(HANDSHAKE_TIMEOUT);
  try {
    return await link.request('initialize', initialize, { signal: AbortSignal.any([signal, timeout]) });
  } catch (error) {
    if (timeout.aborted) throw new BackendError('timeout', 'The backend does not answer.');
    const { kind, detail } = toBackendError(error);
    if (kind === 'unavailable') return 'ending';
    const theirs = /^protocol=\d+ version=(\S+)$/.exec(detail ?? '')?.[1];
    if (theirs === undefined) throw error;
    if (isNewer(initialize.client.version, theirs)) return 'older';
    throw incompatible();
  }
}

function isOutdated({ server, state }: InitializeResult, ownVersion: string): boolean {
  return isNewer(ownVersion, server.version) || (state.incus.reason === 'no-permission' && hasMoreGroups(server.pid));
}

function incompatible(): Hopeless {
  return new Hopeless('The running backend belongs to another version of the extension.', 'Reload Window', 'reload');
}

function lost(): BackendError {
  return new BackendError('unavailable', 'The backend ended while it was being connected.');
}
