import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { silentLog } from '../../../server/base/log.ts';
import { Incus } from '../../../server/incus/client.ts';
import { findSocket } from '../../../server/incus/target.ts';
import type { Instance } from '../../../server/incus/types/instance.ts';
import type { ErrorData } from '../../../server/protocol/errors.ts';
import type { SlotAttachResult, SlotOpenParams, SlotOpenResult } from '../../../server/protocol/methods.ts';
import { destroy } from '../../../server/slots/lifecycle.ts';
import { type BackendOptions, startBackend, type TestBackend } from '../../support/backend.ts';
import { removeNotes } from '../../support/notes.ts';
import { removeSoon, testImage, until } from '../support.ts';

const run = promisify(execFile);

/** Uid and gid of the workspaces: not root's, and the one that every prepared machine may map. */
export const OWNER = { uid: 1000, gid: 1000 };

/** Name of a slot's container, reckoned here anew as coi does: SHA-256 of the path as it was given. */
export function coiName(workspace: string, slot: number): string {
  return `coi-${createHash('sha256').update(workspace).digest('hex').slice(0, 8)}-${slot}`;
}

/** What the names of a workspace's containers begin with. */
function containerPrefix(workspace: string): string {
  return coiName(workspace, 0).slice(0, -1);
}

/** A home and workspaces of a test's own, backends that work with them, and the certainty that nothing of it stays. */
export class Lab {
  readonly incus: Incus;
  readonly image: string;
  readonly directory: string;
  readonly home: string;
  readonly #backends = new Set<TestBackend>();
  readonly #workspaces = new Set<string>();
  #made = 0;

  constructor(incus: Incus, image: string, directory: string) {
    this.incus = incus;
    this.image = image;
    this.directory = directory;
    this.home = join(directory, 'home');
  }

  /** An empty folder of OWNER (or of `uid`), whose containers are removed at the end. */
  async workspace(o: { path?: string; uid?: number } = {}): Promise<string> {
    const path = o.path ?? join(this.directory, `ws-${++this.#made}`);
    await mkdir(path, { recursive: true });
    await chown(path, o.uid ?? OWNER.uid, o.uid ?? OWNER.gid);
    this.#workspaces.add(path);
    return path;
  }

  /** Has the containers of a path removed at the end, though the folder is none of `workspace`. */
  adopt(path: string): string {
    this.#workspaces.add(path);
    return path;
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  async backend(o: BackendOptions = {}): Promise<TestBackend> {
    const backend = await startBackend({
      ...o,
      env: { HOME: this.home, ...o.env },
      settings: { image: this.image, agent: 'shell', network: 'open', stopTimeout: 20, ...o.settings },
    });
    this.#backends.add(backend);
    return backend;
  }

  /** Opens a slot. */
  open(backend: TestBackend, workspace: string, more: Partial<SlotOpenParams> = {}): Promise<SlotOpenResult> {
    return backend.call('slot/open', { workspace, ...more });
  }

  /** What Incus itself has of a container; undefined when it is gone. */
  async instance(name: string): Promise<Instance | undefined> {
    return (await this.incus.instance(name))?.instance;
  }

  /** What is noted as under way; '' for nothing, undefined for a container that is gone. */
  async phase(name: string): Promise<string | undefined> {
    const instance = await this.instance(name);
    return instance === undefined ? undefined : (instance.config['user.incus-agents.phase'] ?? '');
  }

  /** The containers of a workspace that exist, by name. */
  async containers(workspace: string): Promise<string[]> {
    const prefix = containerPrefix(workspace);
    const all = await this.incus.instances();
    return all.map(i => i.name).filter(name => name.startsWith(prefix));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#backends].map(endBackend));
    try {
      const names = (await Promise.all([...this.#workspaces].map(w => this.containers(w)))).flat();
      await Promise.all(names.map(name => destroy(this.incus, name)));
    } finally {
      await this.incus.close();
      // The flags of protected paths go a moment after the container that they were for.
      await until('no file is immutable', async () => !(await this.hasFlags(this.directory)));
      await removeSoon(this.directory);
      for (const workspace of this.#workspaces) removeNotes(containerPrefix(workspace));
    }
  }

  /** Whether anything in a folder is immutable or append-only. */
  async hasFlags(path: string): Promise<boolean> {
    const { stdout } = await run('lsattr', ['-Ra', path], { maxBuffer: 1 << 26 });
    return /^[-A-Za-z]*[ia][-A-Za-z]* \//m.test(stdout);
  }
}

/** Ends a backend unless a test has ended it already. */
async function endBackend(backend: TestBackend): Promise<void> {
  const { exitCode, signalCode } = backend.process;
  if (exitCode === null && signalCode === null) await backend.end();
}

/** A lab; whoever makes it closes it. */
export async function makeLab(): Promise<Lab> {
  const incus = new Incus({ socketPath: await findSocket(), project: 'default' }, silentLog);
  const image = await testImage(incus);
  const directory = await mkdtemp(join(tmpdir(), 'ia-flows-'));
  await chmod(directory, 0o755);
  const lab = new Lab(incus, image, directory);
  await mkdir(lab.home);
  return lab;
}

/**
 * What is tried again: a change of an instance that somebody else, as a backend with its notes, changed between the reading and the writing;
 * and a command in a container of which Incus says in its first second that it never ran. Sometimes it did, so it must be one that may run twice.
 */
const AGAIN = /ETag doesn't match|Precondition Failed|Failed to retrieve PID of executing child process/i;
const ATTEMPTS = 20;

/** Runs the incus command line, as a user would; gives its standard output. */
export async function incusCli(...args: string[]): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const running = run('incus', args);
    running.child.stdin?.end(); // `incus init` would read a definition from it.
    try {
      return (await running).stdout;
    } catch (error) {
      if (attempt >= ATTEMPTS || !AGAIN.test((error as { stderr?: string }).stderr ?? '')) throw error;
    }
    await sleep(100);
  }
}

/** Repeats a command line of incus until it succeeds: what is removed at the end may be busy for a moment. */
export async function incusCliSoon(...args: string[]): Promise<void> {
  let failed: unknown;
  const done = () =>
    incusCli(...args).then(
      () => true,
      error => {
        failed = error;
        return false;
      },
    );
  await until(() => `incus ${args.join(' ')} (${failed})`, done);
}

/** The reply's error of a call that must fail. */
export async function failureOf(
  call: Promise<unknown>,
): Promise<{ message: string; kind: string; hint: string; detail: string; image: ErrorData['image'] }> {
  try {
    await call;
  } catch (error) {
    const { message, data } = error as { message: string; data?: Partial<ErrorData> };
    const kind = data?.kind ?? `none: ${message}`;
    return { message, kind, hint: data?.hint ?? '', detail: data?.detail ?? '', image: data?.image };
  }
  throw new Error('It succeeded.');
}

/** Runs what a terminal would, in one of `script`'s; who calls ends it. */
export function runTerminal(what: SlotAttachResult, home: string): ChildProcessWithoutNullStreams {
  const env = Object.fromEntries(Object.entries(what.env).filter((e): e is [string, string] => e[1] !== null));
  return spawn('script', ['-qfec', shellWords([what.file, ...what.args]), '/dev/null'], {
    cwd: what.cwd,
    env: { PATH: process.env.PATH, HOME: home, TERM: 'xterm-256color', ...env },
  });
}

function shellWords(words: readonly string[]): string {
  return words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}
