import type { Log } from '../base/log.ts';
import type { IncusState } from '../protocol/types.ts';
import { availability } from './availability.ts';
import { createInstance } from './create.ts';
import { subscribe } from './events.ts';
import { run } from './exec-run.ts';
import { execStream } from './exec-stream.ts';
import * as files from './files.ts';
import { Http } from './http.ts';
import { publish } from './image-make.ts';
import * as images from './images.ts';
import * as instances from './instances.ts';
import * as networks from './networks.ts';
import * as operations from './operations.ts';
import { serverInfo } from './server-info.ts';
import * as state from './state.ts';
import * as storage from './storage.ts';
import type * as t from './types.ts';

type Signal = AbortSignal | undefined;
type Cancellable = { signal?: AbortSignal };
type Reporting = Cancellable & { onProgress?: t.OnProgress };

/**
 * The Incus of one target. Every method takes an AbortSignal and settles with `cancelled` soon after it aborts; every failure is a
 * `Failure`, those that Incus answered an `IncusError`. Knows nothing of slots.
 */
export class Incus {
  readonly target: t.IncusTarget;
  readonly #http: Http;
  readonly #log: Log;

  constructor(target: t.IncusTarget, log: Log) {
    this.target = target;
    this.#log = log;
    this.#http = new Http(target, log);
  }

  /** Version and extensions; read once per connection to the daemon. */
  readonly server = (signal?: Signal): Promise<t.ServerInfo> => serverInfo(this.#http, signal);
  /** Whether Incus can be used, and if not, the exact next step. Never fails. */
  readonly availability = (signal?: Signal): Promise<IncusState> => availability(this.#http, signal);

  /** All instances of the project. */
  readonly instances = (signal?: Signal): Promise<t.Instance[]> => instances.list(this.#http, signal);
  /** One instance, undefined when there is none. */
  readonly instance = (name: string, signal?: Signal): Promise<{ instance: t.Instance; etag: string } | undefined> =>
    instances.get(this.#http, name, signal);
  /** What it uses right now; `not-found` when there is none. */
  readonly instanceState = (name: string, signal?: Signal): Promise<t.InstanceState> =>
    state.read(this.#http, name, signal);
  /** Creates, and starts if asked. A failure or an abort leaves nothing behind. Name taken: `conflict`; image unknown: `not-found`. */
  readonly createInstance = (request: t.CreateInstance, o: Reporting = {}): Promise<void> =>
    createInstance(this.#http, this.#log, request, o);
  /** Merges: "" deletes a config key, a named device is replaced whole. With a stale etag: `conflict`. */
  readonly patchInstance = (name: string, part: t.InstanceFragment, o: Cancellable & { etag?: string } = {}) =>
    instances.patch(this.#http, name, part, o);
  /** Reads, changes and writes the whole definition; repeated when somebody else was faster. */
  readonly putInstance = (
    name: string,
    change: (definition: t.InstanceDefinition) => t.InstanceDefinition,
    o: Cancellable = {},
  ): Promise<void> => instances.put(this.#http, name, change, o);
  /** Being in that state already is a success. A graceful stop that takes too long fails with `timeout`. */
  readonly setState = (name: string, action: t.StateAction, o: t.SetState = {}): Promise<void> =>
    state.set(this.#http, name, action, o);
  /** Deletes a stopped instance; none is a success. */
  readonly deleteInstance = (name: string, signal?: Signal): Promise<void> =>
    instances.remove(this.#http, name, signal);

  /** Runs to the end. Any exit code is a result; an abort ends the process and its children inside. */
  readonly exec = (name: string, argv: readonly string[], o: t.RunOptions = {}): Promise<t.ExecResult> =>
    run(this.#http, this.#log, name, argv, o);
  /** Starts a process with live streams. */
  readonly execStream = (name: string, argv: readonly string[], o: t.StreamOptions): Promise<t.ExecHandle> =>
    execStream(this.#http, this.#log, name, argv, o);

  /** Content of a regular file inside; undefined when there is none. Refuses symlinks and directories. */
  readonly readFile = (name: string, path: string, o: t.ReadFile = {}): Promise<Buffer | undefined> =>
    files.read(this.#http, name, path, o);
  /** Undefined when there is nothing. */
  readonly statFile = (name: string, path: string, o: t.ReadFile = {}): Promise<t.FileStat | undefined> =>
    files.stat(this.#http, name, path, o);
  /** The names in a directory; undefined when there is none. Refuses symlinks and files. */
  readonly listDirectory = (name: string, path: string, o: t.ReadFile = {}): Promise<string[] | undefined> =>
    files.list(this.#http, name, path, o);

  readonly images = (signal?: Signal): Promise<t.Image[]> => images.list(this.#http, signal);
  readonly image = (fingerprint: string, signal?: Signal): Promise<t.Image | undefined> =>
    images.get(this.#http, fingerprint, signal);
  readonly imageByAlias = (alias: string, signal?: Signal): Promise<t.Image | undefined> =>
    images.byAlias(this.#http, alias, signal);
  readonly imageAlias = (alias: string, signal?: Signal): Promise<t.ImageAlias | undefined> =>
    images.alias(this.#http, alias, signal);
  /** `conflict` when the alias exists. */
  readonly createAlias = (alias: string, fingerprint: string, o: Cancellable & { description?: string } = {}) =>
    images.createAlias(this.#http, alias, fingerprint, o);
  /** Points the alias at the image, whether it existed or not. */
  readonly moveAlias = (alias: string, fingerprint: string, o: Cancellable & { description?: string } = {}) =>
    images.moveAlias(this.#http, alias, fingerprint, o);
  /** None is a success. */
  readonly deleteAlias = (alias: string, signal?: Signal): Promise<void> =>
    images.deleteAlias(this.#http, alias, signal);
  /** By fingerprint; none is a success. */
  readonly deleteImage = (fingerprint: string, signal?: Signal): Promise<void> =>
    images.remove(this.#http, fingerprint, signal);
  /** Makes an image of a stopped instance and gives its fingerprint. An abort leaves no image. */
  readonly publish = (instance: string, request: t.PublishImage, o: Reporting = {}): Promise<string> =>
    publish(this.#http, this.#log, instance, request, o);

  /** Undefined when there is none. */
  readonly network = (name: string, signal?: Signal): Promise<t.Network | undefined> =>
    networks.get(this.#http, name, signal);
  /** Addresses that a bridge gave out. */
  readonly networkLeases = (name: string, signal?: Signal): Promise<t.NetworkLease[]> =>
    networks.leases(this.#http, name, signal);

  readonly pool = (name: string, signal?: Signal): Promise<t.Pool | undefined> =>
    storage.pool(this.#http, name, signal);
  readonly poolResources = (name: string, signal?: Signal): Promise<t.PoolResources> =>
    storage.poolResources(this.#http, name, signal);
  readonly profile = (name: string, signal?: Signal): Promise<t.Profile | undefined> =>
    storage.profile(this.#http, name, signal);

  /** The operations that have not ended. */
  readonly operations = (signal?: Signal): Promise<t.Operation[]> => operations.running(this.#http, signal);
  /** Waits for an operation by its path; for what `request` started. */
  readonly wait = (operation: string, o: Cancellable & { what?: string } = {}): Promise<t.Operation> =>
    operations.wait(this.#http, operation, o);
  /** Any request; `metadata` is what came. For what has no method here. */
  readonly request = (method: t.Method, path: string, body?: unknown, o: t.RequestOptions = {}) =>
    this.#http.request(method, path, body, o);
  /** One websocket that is kept alive until `close`. */
  readonly events = (handler: t.EventHandler, o: t.EventsOptions = {}): { close(): void } =>
    subscribe(this.#http, this.#log, handler, o);
  /** Closes the pooled connections; requests that run are aborted. */
  readonly close = (): Promise<void> => this.#http.close();
}
