import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../server/base/errors.ts';
import { type Log, silentLog } from '../../server/base/log.ts';
import { Incus } from '../../server/incus/client.ts';
import { findSocket } from '../../server/incus/target.ts';
import type { CreateInstance } from '../../server/incus/types/instance.ts';
import { destroy } from '../../server/slots/lifecycle.ts';
import { removeNotes } from '../support/notes.ts';

/** The part of a test's context that ends what it began, whatever the outcome. */
interface Ending {
  after(fn: () => void | Promise<void>): void;
}

/** A client of the machine's Incus, closed at the end. */
export async function connect(t: Ending, o: { project?: string; log?: Log } = {}): Promise<Incus> {
  const incus = new Incus({ socketPath: await findSocket(), project: o.project ?? 'default' }, o.log ?? silentLog);
  t.after(() => incus.close());
  return incus;
}

/** Alias of the image that the tests use: a small system with systemd, tmux, git, sudo and the user `code` (1000). */
export async function testImage(incus: Incus): Promise<string> {
  const wanted = process.env.INCUS_AGENTS_TEST_IMAGE ?? 'incus-agents-test';
  for (const alias of [wanted, 'test-agents']) if (await incus.imageAlias(alias)) return alias;
  throw new Error(`There is no image "${wanted}": \`npm test\` makes it.`);
}

/** A name that nothing else has; a valid instance name. */
export function uniqueName(prefix = 'ia-test'): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}

/** A running instance (unless `start` is false) that is gone at the end of the test; gives its name. */
export async function tempInstance(t: Ending, incus: Incus, o: Partial<CreateInstance> = {}): Promise<string> {
  const name = o.name ?? uniqueName();
  removeAfter(t, name);
  await incus.createInstance({
    start: true,
    ...o,
    name,
    source: o.source ?? { alias: await testImage(incus) },
    config: { 'security.guestapi': 'false', ...o.config },
  });
  return name;
}

/** Deletes the instance of that name at the end, running or not, if it is there. With a connection of its own. */
export function removeAfter(t: Ending, name: string): void {
  t.after(async () => {
    const incus = new Incus({ socketPath: await findSocket(), project: 'default' }, silentLog);
    try {
      await destroy(incus, name);
    } finally {
      await incus.close();
      removeNotes(name);
    }
  });
}

/** An empty directory of its own, removed at the end. */
export async function tempDirectory(t: Ending): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ia-test-'));
  t.after(() => removeSoon(path));
  return path;
}

/**
 * Removes a directory as soon as nothing holds it any more: the flags of protected paths go a moment after the container that they were
 * for, and what still writes into it ends a moment after its parent. Node itself does not wait for that.
 */
export async function removeSoon(path: string): Promise<void> {
  let refused: unknown;
  const remove = () =>
    rm(path, { recursive: true, force: true }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        // ENOTDIR is what Node makes of EPERM for a file.
        if (!['EPERM', 'ENOTDIR', 'ENOTEMPTY', 'EBUSY'].includes(error.code ?? '')) throw error;
        refused = error;
        return false;
      },
    );
  await until(() => `${path} can be removed (${refused})`, remove);
}

/**
 * Asks again until the answer is something other than undefined, null or false, and gives it; fails after `timeout` ms, with `what` as it is
 * then. It rests for as long as asking took: a question that starts a program in a container would else keep a processor busy.
 */
export async function until<T>(
  what: string | (() => string),
  ask: () => T | Promise<T>,
  timeout = 45_000,
): Promise<Exclude<T, undefined | null | false>> {
  const end = Date.now() + timeout;
  for (;;) {
    const asked = performance.now();
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false)
      return answer as Exclude<T, undefined | null | false>;
    if (Date.now() > end) assert.fail(`${typeof what === 'string' ? what : what()}: not within ${timeout} ms`);
    await sleep(Math.min(Math.max(20, performance.now() - asked), 500));
  }
}

/** Types a line until what it does is seen, again every 5 s: what is typed before a terminal is attached may be lost. */
export async function typeUntil(what: string, type: () => void, seen: () => boolean): Promise<void> {
  let typed = Number.NEGATIVE_INFINITY;
  await until(what, () => {
    if (seen()) return true;
    if (performance.now() - typed > 5000) {
      type();
      typed = performance.now();
    }
    return false;
  });
}

/** A port of this computer that nobody listens on; somebody else may take it any time. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise(done => server.close(done));
  return port;
}

/** For assert.rejects: a Failure of that kind, with such a message. */
export function isFailure(kind: string, message?: RegExp): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof Failure, `not a Failure: ${error}`);
    assert.equal(error.kind, kind, error.message);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  };
}
