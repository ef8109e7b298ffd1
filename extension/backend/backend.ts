import type { Method, Notifications, ParamsOf, ResultOf } from '../../server/protocol/methods.ts';
import { type IncusState, PROTOCOL_VERSION, type Snapshot, type StateChange } from '../../server/protocol/types.ts';
import { BackendError, Hopeless, toBackendError } from './errors.ts';
import { askToGo, type Established, establish } from './establish.ts';
import { hasMoreGroups } from './groups.ts';
import type { Link, RequestOptions } from './link.ts';
import { Listeners } from './listeners.ts';
import type { BackendOptions, ClientFacts } from './options.ts';
import { Revisions } from './revisions.ts';
import { type BackendState, type Happening, INITIAL, type Machine, step } from './state.ts';
import { Waiting } from './waiting.ts';

/** After a loss, how long a missing backend is taken for one that another window is replacing (milliseconds). */
const PATIENCE = 2_000;

/**
 * The shared backend as one window sees it: found or started at the first need, connected again by itself when it is lost. It never
 * starts anything in Incus.
 */
export class Backend {
  readonly #options: BackendOptions;
  readonly #waiting = new Waiting();
  readonly #states = new Listeners<BackendState>();
  readonly #snapshots = new Listeners<Snapshot>();
  readonly #changes = new Listeners<StateChange>();
  readonly #messages = new Listeners<Notifications['log/message']>();
  /** Every state: connected, lost, waiting, failed. */
  readonly onState = this.#states.event;
  /** The whole state: after each handshake, and when changes were missed. Replaces what was known. */
  readonly onSnapshot = this.#snapshots.event;
  /** One change to what is known, none left out since the last onSnapshot. */
  readonly onChange = this.#changes.event;
  /** A line of the backend for the log channel. */
  readonly onMessage = this.#messages.event;
  #facts: ClientFacts;
  #machine: Machine = INITIAL;
  #link: Link | undefined;
  #attempt = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** A backend that was asked to go: nothing is connected before it has gone. */
  #farewell: Promise<void> | undefined;
  #patience = 0;
  #disposed = false;

  constructor(options: BackendOptions) {
    this.#options = options;
    this.#facts = options.facts;
  }

  get state(): BackendState {
    return this.#machine.state;
  }

  /** Connects, if that was not begun yet. */
  start(): void {
    this.#happen({ kind: 'start' });
  }

  /** Forgets past failures and connects anew; a backend that is connected is asked to go first. */
  restart(): void {
    const link = this.#leave();
    this.#farewell = link && askToGo(link).catch(error => this.#logError(error));
    this.#patience = 0;
    this.#happen({ kind: 'restart' });
  }

  /** Connects to the backend of another Incus after the settings have named one. The present backend may serve other windows, so it goes on. */
  reconnect(): void {
    if (this.#machine.state.name === 'idle') return;
    this.#leave()?.close();
    this.#patience = 0;
    this.#happen({ kind: 'restart' });
  }

  /**
   * Sends one request, once connected; it connects if need be. Rejects with a BackendError: `unavailable` at once when the connection is
   * lost or cannot be made, `cancelled` at once when `signal` aborts.
   */
  async request<M extends Method>(method: M, params: ParamsOf<M>, options: RequestOptions = {}): Promise<ResultOf<M>> {
    const link = await this.#connected(method, options.signal);
    return link.request(method, params, options);
  }

  /** Tells the backend what has changed about this client; remembered for every later connection. */
  async update(facts: Partial<ClientFacts>): Promise<void> {
    this.#facts = { ...this.#facts, ...facts };
    await this.#link?.request('client/update', facts);
  }

  /** Lets go of the backend, which other windows may be using. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#attempt.abort();
    this.#leave()?.close();
    this.#waiting.reject(new BackendError('unavailable', 'The extension is ending.'));
  }

  #connected(method: string, signal: AbortSignal | undefined): Promise<Link> {
    if (this.#link !== undefined) return Promise.resolve(this.#link);
    if (this.#disposed) return Promise.reject(new BackendError('unavailable', 'The extension is ending.'));
    const { state } = this.#machine;
    if (state.name === 'failed')
      return Promise.reject(new BackendError('unavailable', state.reason, { hint: state.hint }));
    const link = this.#waiting.add(method, signal);
    this.start();
    return link;
  }

  #happen(happening: Happening): void {
    if (this.#disposed) return;
    const before = this.#machine.state;
    this.#machine = step(this.#machine, happening);
    const { state } = this.#machine;
    if (state === before) return;
    clearTimeout(this.#timer);
    if (state.name === 'waiting') this.#timer = setTimeout(() => this.#happen({ kind: 'elapsed' }), state.delay);
    if (state.name === 'connecting') void this.#connect();
    if (state.name === 'waiting' || state.name === 'failed') this.#waiting.reject(unavailable(state));
    this.#states.fire(state);
  }

  async #connect(): Promise<void> {
    this.#attempt.abort();
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    const revisions = this.#revisions();
    try {
      await this.#farewell;
      const facts = this.#facts;
      const established = await establish({
        launch: this.#options.launch,
        initialize: { protocolVersion: PROTOCOL_VERSION, client: this.#options.client, ...facts },
        events: {
          ...this.#options.answers,
          onChange: change => revisions.take(change),
          onMessage: message => this.#messages.fire(message),
        },
        patience: this.#patience,
        signal,
      });
      if (signal.aborted) established.link.close();
      else this.#use(established, revisions, facts);
    } catch (error) {
      if (!signal.aborted) this.#failed(toBackendError(error));
    }
  }

  #use({ link, result }: Established, revisions: Revisions, told: ClientFacts): void {
    this.#link = link;
    // Sent before the requests that waited: trust that was given meanwhile holds for them.
    if (this.#facts !== told) link.request('client/update', this.#facts).catch(error => this.#logError(error));
    void link.gone.then(reason => {
      if (this.#link !== link) return;
      this.#link = undefined;
      this.#lose(reason);
    });
    this.#happen({ kind: 'connected', at: Date.now(), ...result.server });
    revisions.reset(result.state);
    this.#waiting.resolve(link);
  }

  #revisions(): Revisions {
    return new Revisions(
      {
        onSnapshot: snapshot => {
          this.#snapshots.fire(snapshot);
          this.#considerPermission(snapshot.incus);
        },
        onChange: change => {
          this.#changes.fire(change);
          if (change.incus !== undefined) this.#considerPermission(change.incus);
        },
        onFailed: error => this.#link?.close(toBackendError(error).message),
      },
      () => this.request('state/get', {}),
    );
  }

  /** A backend from before the user joined a group is replaced by one that is in it. */
  #considerPermission(incus: IncusState): void {
    const { state } = this.#machine;
    if (incus.reason !== 'no-permission' || state.name !== 'connected' || !hasMoreGroups(state.pid)) return;
    this.#options.log('The backend was started before this user joined a group, so it is replaced.');
    this.restart();
  }

  #failed(error: BackendError): void {
    this.#options.log(error.detail === undefined ? error.message : `${error.message} (${error.detail})`);
    const { message: reason, hint } = error;
    const why = { reason, ...(hint === undefined ? {} : { hint }) };
    if (error instanceof Hopeless) this.#happen({ kind: 'refused', ...why, action: error.action });
    else this.#lose(reason, hint);
  }

  #logError(error: unknown): void {
    this.#options.log(toBackendError(error).message);
  }

  #lose(reason: string, hint?: string): void {
    this.#patience = PATIENCE;
    const why = { reason, ...(hint === undefined ? {} : { hint }) };
    this.#happen({ kind: 'lost', at: Date.now(), random: Math.random(), ...why });
  }

  /** Takes the link away, so that its end is nobody's loss. */
  #leave(): Link | undefined {
    const link = this.#link;
    this.#link = undefined;
    return link;
  }
}

function unavailable(state: { reason: string; hint?: string }): BackendError {
  return new BackendError('unavailable', state.reason, { hint: state.hint });
}
