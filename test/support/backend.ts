import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import type { ErrorData } from '../../server/protocol/errors.ts';
import type { Method, ParamsOf, ResultOf, WorkspaceFolder } from '../../server/protocol/methods.ts';
import type { Progress, Slot, Snapshot, StateChange } from '../../server/protocol/types.ts';

const SOURCE = fileURLToPath(new URL('../../server/main.ts', import.meta.url));

/** Where Node keeps what it made of the sources: with it a backend starts in a third of the time. */
const { NODE_COMPILE_CACHE } = process.env;
const COMPILED: Record<string, string> = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };

export interface BackendOptions {
  /** The program: the sources unless a bundle is named. */
  script?: string;
  args?: readonly string[];
  /** Its whole environment besides PATH and NODE_COMPILE_CACHE. */
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  workspaces?: WorkspaceFolder[];
  settings?: Record<string, unknown>;
  /** What `client/environment` and `client/secret` answer from. */
  environment?: Record<string, string>;
  secrets?: Record<string, string>;
}

/** A backend over stdio with one client, which mirrors its state as an editor does. */
export class TestBackend {
  readonly process: ChildProcess;
  readonly connection: MessageConnection;
  readonly changes: StateChange[] = [];
  readonly messages: { level: string; message: string }[] = [];
  readonly log: string[] = [];
  readonly slots = new Map<string, Slot>();
  #progress = new Map<string, (value: Progress) => void>();
  #tokens = 0;
  #listeners = new Set<(change: StateChange) => void>();

  constructor(process: ChildProcess, connection: MessageConnection, o: BackendOptions) {
    this.process = process;
    this.connection = connection;
    connection.onRequest('client/environment', ({ names }: { names: string[] }) => ({
      values: Object.fromEntries(
        names.flatMap(name => (o.environment?.[name] === undefined ? [] : [[name, o.environment[name]]])),
      ),
    }));
    connection.onRequest('client/secret', ({ name }: { name: string }) => ({ value: o.secrets?.[name] ?? null }));
    connection.onNotification('state/changed', (change: StateChange) => this.#changed(change));
    connection.onNotification('log/message', (message: { level: string; message: string }) => {
      this.messages.push(message);
    });
    connection.onNotification('$/progress', (p: { token: string; value: Progress }) =>
      this.#progress.get(p.token)?.(p.value),
    );
    process.stderr?.setEncoding('utf8').on('data', (text: string) => this.log.push(text));
    connection.listen();
  }

  /** Sends a request; `signal` cancels it. */
  async call<M extends Method>(
    method: M,
    params: ParamsOf<M>,
    o: { signal?: AbortSignal; onProgress?: (value: Progress) => void } = {},
  ): Promise<ResultOf<M>> {
    const token = `p${++this.#tokens}`;
    if (o.onProgress !== undefined) this.#progress.set(token, o.onProgress);
    const cancellation = new CancellationTokenSource();
    const cancel = () => cancellation.cancel();
    o.signal?.addEventListener('abort', cancel, { once: true });
    try {
      const sent = o.onProgress === undefined ? params : { ...params, progress: token };
      return await this.connection.sendRequest<ResultOf<M>>(method, sent, cancellation.token);
    } finally {
      o.signal?.removeEventListener('abort', cancel);
      this.#progress.delete(token);
    }
  }

  async initialize(o: BackendOptions): Promise<Snapshot> {
    const result = await this.call('initialize', {
      protocolVersion: 1,
      client: { name: 'test', version: '0.0.0' },
      workspaces: o.workspaces ?? [],
      settings: o.settings ?? {},
    });
    for (const slot of result.state.slots) this.slots.set(slot.container, slot);
    return result.state;
  }

  /** Resolves with the slot as soon as `test` holds for what the state says of it (undefined: it is gone). */
  when(container: string, test: (slot: Slot | undefined) => boolean, timeout = 45_000): Promise<Slot | undefined> {
    if (test(this.slots.get(container))) return Promise.resolve(this.slots.get(container));
    const { promise, resolve, reject } = Promise.withResolvers<Slot | undefined>();
    const timer = setTimeout(
      () =>
        done(() =>
          reject(
            new Error(`${container}: not within ${timeout} ms; it is ${JSON.stringify(this.slots.get(container))}`),
          ),
        ),
      timeout,
    );
    const listener = () => {
      if (test(this.slots.get(container))) done(() => resolve(this.slots.get(container)));
    };
    const done = (end: () => void) => {
      clearTimeout(timer);
      this.#listeners.delete(listener);
      end();
    };
    this.#listeners.add(listener);
    return promise;
  }

  /** Ends the backend as a client that goes away does, and waits for it. */
  async end(): Promise<void> {
    this.connection.dispose();
    this.process.stdin?.end();
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
  }

  async kill(): Promise<void> {
    const exit = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exit;
    this.connection.dispose();
  }

  #changed(change: StateChange): void {
    this.changes.push(change);
    for (const slot of change.slots ?? []) this.slots.set(slot.container, slot);
    for (const container of change.gone?.slots ?? []) this.slots.delete(container);
    for (const listener of this.#listeners) listener(change);
  }
}

/** Starts a backend and shakes hands with it. Who calls ends it. */
export async function startBackend(o: BackendOptions = {}): Promise<TestBackend> {
  const child = spawn(process.execPath, [o.script ?? SOURCE, '--stdio', ...(o.args ?? [])], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...COMPILED, ...o.env },
    ...(o.uid === undefined ? {} : { uid: o.uid }),
    ...(o.gid === undefined ? {} : { gid: o.gid }),
  });
  const reader = new StreamMessageReader(child.stdout);
  // Else one that is killed in the middle of a message leaves a timer behind, and the tests' process never ends.
  reader.partialMessageTimeout = 0;
  const connection = createMessageConnection(reader, new StreamMessageWriter(child.stdin));
  const backend = new TestBackend(child, connection, o);
  await backend.initialize(o);
  return backend;
}

/** For assert.rejects: an error reply of this kind with such a message. */
export function isReply(kind: string, message?: RegExp): (error: unknown) => boolean {
  return error => {
    if (!(error instanceof ResponseError)) throw error;
    const data = error.data as ErrorData | undefined;
    if (data?.kind !== kind) throw new Error(`kind ${data?.kind} instead of ${kind}: ${error.message}`);
    if (message !== undefined && !message.test(error.message)) throw new Error(`unexpected message: ${error.message}`);
    return true;
  };
}
