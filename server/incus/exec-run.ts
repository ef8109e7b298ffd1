import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import { neverStarted } from './exec-process.ts';
import { execStream } from './exec-stream.ts';
import type { Http } from './http.ts';
import type { ExecHandle, ExecResult, RunOptions } from './types/exec.ts';

const DEFAULT_LIMIT = 16 * 1024 * 1024;

/** Milliseconds during which a start that Incus could not make is repeated, and between two attempts. */
const REPEAT_FOR = 10_000;
const REPEAT_EVERY = 100;

/** Runs a command to its end and collects its output. What Incus could not start is tried again. */
export async function run(
  http: Http,
  log: Log,
  name: string,
  argv: readonly string[],
  o: RunOptions = {},
): Promise<ExecResult> {
  const end = performance.now() + REPEAT_FOR;
  for (;;) {
    try {
      return await runOnce(http, log, name, argv, o);
    } catch (error) {
      if (!neverStarted(error) || o.signal?.aborted === true || performance.now() > end) throw error;
      log.debug(`Starting ${argv[0]} in ${name} failed; it is tried again.`);
      await wait(REPEAT_EVERY);
    }
  }
}

async function runOnce(
  http: Http,
  log: Log,
  name: string,
  argv: readonly string[],
  o: RunOptions,
): Promise<ExecResult> {
  const limit = o.limit ?? DEFAULT_LIMIT;
  const stdout = new Collector(limit);
  const stderr = new Collector(limit);
  const handle = await execStream(http, log, name, argv, {
    ...o,
    onStdout: chunk => stdout.add(chunk),
    onStderr: chunk => stderr.add(chunk),
  });
  void feed(handle, o.stdin);
  const exitCode = await handle.result;
  return {
    exitCode,
    stdout: stdout.bytes(),
    stderr: stderr.bytes(),
    truncated: stdout.truncated || stderr.truncated,
  };
}

async function feed(handle: ExecHandle, stdin: string | Uint8Array | undefined): Promise<void> {
  try {
    if (stdin !== undefined) await handle.write(stdin);
    handle.end();
  } catch {
    // A command may end without reading all of its input; its exit code says whether that was well.
  }
}

/** Keeps the first bytes and drops the rest. */
class Collector {
  truncated = false;
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#limit - this.#size);
    if (kept.length < chunk.length) this.truncated = true;
    if (kept.length === 0) return;
    this.#chunks.push(kept);
    this.#size += kept.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
