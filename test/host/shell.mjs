// Running programs of the host: argument lists only, never a shell string made from data.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** A preparation that cannot go on: the message says what failed and what to do, and no stack is shown. */
export class PrepareError extends Error {
  name = 'PrepareError';
}

export const isRoot = process.getuid?.() === 0;

/** Whether the user has agreed to sudo in this run. Before that, nothing may ask for a password. */
export const permission = { sudo: false };

/** The same command, run as root: through sudo unless we are root already. */
export function asRoot(argv) {
  return isRoot ? argv : ['sudo', '--', ...argv];
}

/**
 * Runs a program and returns what it did; never throws for a program that fails or is not there.
 * @param {string[]} argv
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function tryRun(argv, options = {}) {
  const [file, ...args] = argv;
  const done = spawnSync(file, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  const ok = done.status === 0;
  return { ok, status: done.status, stdout: `${done.stdout ?? ''}`, stderr: `${done.stderr ?? ''}${done.error ?? ''}` };
}

/** Runs a program quietly; a failure shows the end of what it printed. Returns its stdout. */
export function run(argv, options = {}) {
  const done = tryRun(argv, options);
  if (done.ok) return done.stdout;
  const said = `${done.stdout}\n${done.stderr}`.trim().split('\n').slice(-25).join('\n');
  throw new PrepareError(`${argv.join(' ')} failed (${done.status ?? 'not started'}):\n${said}`);
}

/** The program's path in PATH or in the folders of administrators' programs; undefined if there is none. */
export function which(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map(folder => path.join(folder, name)).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not ours to run: the same to a caller
  }
}
