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
import type { InstanceFragment, Profile } from './types/config.ts';
import type { IncusTarget, Method, RequestOptions, ServerInfo } from './types/connection.ts';
import type { EventHandler, EventsOptions } from './types/event.ts';
import type { ExecHandle, ExecResult, RunOptions, StreamOptions } from './types/exec.ts';
import type { FileStat, ReadFile } from './types/file.ts';
import type { Image, ImageAlias, PublishImage } from './types/image.ts';
import type {
  CreateInstance,
  Instance,
  InstanceDefinition,
  InstanceState,
  SetState,
  StateAction,
} from './types/instance.ts';
import type { Network, NetworkLease } from './types/network.ts';
import type { OnProgress, Operation } from './types/operation.ts';
import type { Pool, PoolResources } from './types/storage.ts';

type Signal = AbortSignal | undefined;
type Cancellable = { signal?: AbortSignal };
type Reporting = Cancellable & { onProgress?: OnProgress };

/**
 * The Incus of one target. Every method takes an AbortSignal and settles with `cancelled` soon after it aborts; every failure is a
 * `Failure`, those that Incus answered an `IncusError`. What it gives are Incus's objects in camelCase, parsed defensively: bytes,
 * nanoseconds and RFC 3339 unless said. Knows nothing of slots.
 */
export class Incus {
  readonly target: IncusTarget;
  readonly #http: Http;
  readonly #log: Log;

  constructor(target: IncusTarget, log: Log) {
    this.target = target;
    this.#log = log;
    this.#http = new Http(target, log);
  }

  /** Version and extensions; read once per connection to the daemon. */
  readonly server = (signal?: Signal): Promise<ServerInfo> => serverInfo(this.#http, signal);
  /** Whether Incus can be used, and if not, the exact next step. Never fails. */
  readonly availability = (signal?: Signal): Promise<IncusState> => availability(this.#http, signal);

  /** All instances of the project. */
  readonly instances = (signal?: Signal): Promise<Instance[]> => instances.list(this.#http, signal);
  /** One instance, undefined when there is none. */
  readonly instance = (name: string, signal?: Signal): Promise<{ instance: Instance; etag: string } | undefined> =>
    instances.get(this.#http, name, signal);
  /** What it uses right now; `not-found` when there is none. */
  readonly instanceState = (name: string, signal?: Signal): Promise<InstanceState> =>
    state.read(this.#http, name, signal);
  /** Creates, and starts if asked. A failure or an abort leaves nothing behind. Name taken: `conflict`; image unknown: `not-found`. */
  readonly createInstance = (request: CreateInstance, o: Reporting = {}): Promise<void> =>
    createInstance(this.#http, this.#log, request, o);
  /** Merges: "" deletes a config key, a named device is replaced whole. With a stale etag: `conflict`. */
  readonly patchInstance = (name: string, part: InstanceFragment, o: Cancellable & { etag?: string } = {}) =>
    instances.patch(this.#http, name, part, o);
  /** Reads, changes and writes the whole definition; repeated when somebody else was faster. */
  readonly putInstance = (
    name: string,
    change: (definition: InstanceDefinition) => InstanceDefinition,
    o: Cancellable = {},
  ): Promise<void> => instances.put(this.#http, name, change, o);
  /** Being in that state already is a success. A graceful stop that takes too long fails with `timeout`. */
  readonly setState = (name: string, action: StateAction, o: SetState = {}): Promise<void> =>
    state.set(this.#http, name, action, o);
  /** Deletes a stopped instance; none is a success. */
  readonly deleteInstance = (name: string, signal?: Signal): Promise<void> =>
    instances.remove(this.#http, name, signal);

  /** Runs to the end. Any exit code is a result; an abort ends the process and its children inside. */
  readonly exec = (name: string, argv: readonly string[], o: RunOptions = {}): Promise<ExecResult> =>
    run(this.#http, this.#log, name, argv, o);
  /** Starts a process with live streams. */
  readonly execStream = (name: string, argv: readonly string[], o: StreamOptions): Promise<ExecHandle> =>
    execStream(this.#http, this.#log, name, argv, o);

  /** Content of a regular file inside; undefined when there is none. Refuses symlinks and directories. */
  readonly readFile = (name: string, path: string, o: ReadFile = {}): Promise<Buffer | undefined> =>
    files.read(this.#http, name, path, o);
  /** Undefined when there is nothing. */
  readonly statFile = (name: string, path: string, o: ReadFile = {}): Promise<FileStat | undefined> =>
    files.stat(this.#http, name, path, o);
  /** The names in a directory; undefined when there is none. Refuses symlinks and files. */
  readonly listDirectory = (name: string, path: string, o: ReadFile = {}): Promise<string[] | undefined> =>
    files.list(this.#http, name, path, o);

  readonly images = (signal?: Signal): Promise<Image[]> => images.list(this.#http, signal);
  readonly image = (fingerprint: string, signal?: Signal): Promise<Image | undefined> =>
    images.get(this.#http, fingerprint, signal);
  readonly imageByAlias = (alias: string, signal?: Signal): Promise<Image | undefined> =>
    images.byAlias(this.#http, alias, signal);
  readonly imageAlias = (alias: string, signal?: Signal): Promise<ImageAlias | undefined> =>
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
  readonly publish = (instance: string, request: PublishImage, o: Reporting = {}): Promise<string> =>
    publish(this.#http, this.#log, instance, request, o);

  /** Undefined when there is none. */
  readonly network = (name: string, signal?: Signal): Promise<Network | undefined> =>
    networks.get(this.#http, name, signal);
  /** Addresses that a bridge gave out. */
  readonly networkLeases = (name: string, signal?: Signal): Promise<NetworkLease[]> =>
    networks.leases(this.#http, name, signal);

  readonly pool = (name: string, signal?: Signal): Promise<Pool | undefined> => storage.pool(this.#http, name, signal);
  readonly poolResources = (name: string, signal?: Signal): Promise<PoolResources> =>
    storage.poolResources(this.#http, name, signal);
  readonly profile = (name: string, signal?: Signal): Promise<Profile | undefined> =>
    storage.profile(this.#http, name, signal);

  /** The operations that have not ended. */
  readonly operations = (signal?: Signal): Promise<Operation[]> => operations.running(this.#http, signal);
  /** Waits for an operation by its path; for what `request` started. */
  readonly wait = (operation: string, o: Cancellable & { what?: string } = {}): Promise<Operation> =>
    operations.wait(this.#http, operation, o);
  /** Any request; `metadata` is what came. For what has no method here. */
  readonly request = (method: Method, path: string, body?: unknown, o: RequestOptions = {}) =>
    this.#http.request(method, path, body, o);
  /** One websocket that is kept alive until `close`. */
  readonly events = (handler: EventHandler, o: EventsOptions = {}): { close(): void } =>
    subscribe(this.#http, this.#log, handler, o);
  /** Closes the pooled connections; requests that run are aborted. */
  readonly close = (): Promise<void> => this.#http.close();
}
