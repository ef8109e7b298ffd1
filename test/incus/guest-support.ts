import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { quote } from '../../server/base/shell.ts';
import { type GuestFiles, loadGuestFiles } from '../../server/guest/files.ts';
import type { GuestExec, SessionOptions } from '../../server/guest/keys.ts';
import { type StartOptions, startPlan, tmuxDirectory, tmuxSession } from '../../server/guest/start.ts';
import type { Incus } from '../../server/incus/client.ts';
import { findSocket } from '../../server/incus/target.ts';
import type { ExecResult } from '../../server/incus/types/exec.ts';
import { workspaceFragment } from '../../server/workspace/fragment.ts';
import { resolveWorkspace } from '../../server/workspace/resolve.ts';
import { connect, tempDirectory, tempInstance, uniqueName } from './support.ts';

const HOME = '/home/code';
const SIGNALS = `${HOME}/.incus-agents/signals`;

export interface Guest {
  incus: Incus;
  guest: GuestFiles;
  container: string;
  session: SessionOptions;
  /** Host side of the signals directory. */
  signals: string;
  /** Starts an agent; gives what the start printed. */
  start(o: Partial<StartOptions>): Promise<ExecResult>;
  exec(argv: string[], user?: number): Promise<ExecResult>;
  guestExec(plan: GuestExec): Promise<ExecResult>;
  /** Text of the agent's screen. */
  screen(): Promise<string>;
}

/** A container as a slot has it: workspace, signals directory and tmux's directory. */
export async function guestContainer(t: TestContext): Promise<Guest> {
  const incus = await connect(t);
  const guest = await loadGuestFiles(join(import.meta.dirname, '../../media'));
  const dir = await tempDirectory(t);
  const signals = `${dir}/signals`;
  await mkdir(`${dir}/ws`);
  await mkdir(signals);
  const container = uniqueName();
  const ws = await resolveWorkspace(`${dir}/ws`, { home: '/nonexistent', stateDirs: [], uid: process.getuid?.() ?? 0 });
  const mounts = [{ device: 'signals', source: signals, path: SIGNALS }];
  const fragment = workspaceFragment(ws, { container, preserve: false, codeUid: 1000, codeGid: 1000, mounts });
  const config = { ...fragment.config, 'environment.TMUX_TMPDIR': tmuxDirectory(HOME) };
  await tempInstance(t, incus, { name: container, config, devices: fragment.devices ?? {} });
  const session = { container, uid: 1000, gid: 1000, home: HOME, tmuxEnv: true, agent: 'cat' };
  const exec = (argv: string[], user = 1000) =>
    incus.exec(container, argv, { user, group: user, env: { HOME: user === 0 ? '/root' : HOME } });
  const start = (o: Partial<StartOptions>) => {
    const plan = startPlan(guest, { ...startDefaults(container), ...o });
    return incus.exec(container, plan.argv, { stdin: plan.stdin });
  };
  const guestExec = (plan: GuestExec) => {
    const { argv, ...options } = plan;
    return incus.exec(container, argv, options);
  };
  const screen = async () =>
    (await exec(['tmux', 'capture-pane', '-p', '-t', `=${tmuxSession(container)}:`])).stdout.toString();
  return { incus, guest, container, session, signals, start, exec, guestExec, screen };
}

function startDefaults(container: string): StartOptions {
  return {
    container,
    mountPath: '/workspace',
    codeUid: 1000,
    codeGid: 1000,
    home: HOME,
    agentArgv: [],
    environment: {},
    secretEnvironment: {},
    files: [],
    signalsDir: SIGNALS,
    mountPoints: [SIGNALS],
  };
}

/** A program in a terminal of its own. */
export interface Terminal {
  type(bytes: string): void;
  output(): string;
  exit: Promise<number | null>;
}

/** Runs argv in a pseudo terminal, by script(1) of util-linux; ended with the test. */
export function terminal(
  t: TestContext,
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Terminal {
  const command = [file, ...args].map(quote).join(' ');
  const child: ChildProcess = spawn('script', ['-qefc', `stty cols 100 rows 30; exec ${command}`, '/dev/null'], {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/', TERM: 'xterm-256color', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', text => {
    output += text;
  });
  const exit = new Promise<number | null>(resolve => {
    child.on('close', resolve);
  });
  t.after(() => {
    child.kill('SIGKILL');
  });
  return { type: bytes => void child.stdin?.write(bytes), output: () => output, exit };
}

/** Command lines of all processes of this host that contain the text. */
export async function commandLinesWith(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter(line => line.includes(text));
}

/** A way to Incus that can be cut, as a daemon that restarts cuts it, and that can come back. */
export async function socketThatGoesAway(
  t: TestContext,
): Promise<{ path: string; leave(): void; comeBack(): Promise<void> }> {
  const path = join(await tempDirectory(t), 'incus.socket');
  const real = await findSocket();
  const open = new Set<Socket>();
  const server = createServer(incoming => {
    const outgoing = createConnection(real);
    for (const socket of [incoming, outgoing]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        incoming.destroy();
        outgoing.destroy();
      });
    }
    incoming.pipe(outgoing).pipe(incoming);
  });
  // Closing it removes the file.
  const leave = () => {
    server.close();
    for (const socket of open) socket.destroy();
    open.clear();
  };
  const comeBack = () => new Promise<void>(resolve => server.listen(path, resolve));
  t.after(leave);
  await comeBack();
  return { path, leave, comeBack };
}
